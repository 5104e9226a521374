/** The door of `plan`. */
export { compileContainer } from "./compile-container.ts";
export { compileExec } from "./compile-exec.ts";
export * from "./options.ts";
export type * from "./plan.ts";
