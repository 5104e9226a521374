/** Where what is built goes. */
export type { BuiltTree } from "./built-tree.ts";
export { deliver } from "./deliver.ts";
export { outputOf } from "./wanted-output.ts";
