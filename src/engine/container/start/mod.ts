/** A start: look up, compile, prepare, launch; and `explain`, which stops after compiling. */
export type { StartContext } from "./context.ts";
export { explainContainer } from "./explain.ts";
export { startContainer } from "./start.ts";
