/** Where what is built goes. */
export { type BuiltTree, deliver } from "./deliver.ts";
