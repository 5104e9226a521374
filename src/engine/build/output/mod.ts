/** Where what is built goes. */
export type { BuiltTree } from "./built-tree.ts";
export { checkOutputs } from "./check-outputs.ts";
export { deliver } from "./deliver.ts";
export { outputOf } from "./wanted-output.ts";
