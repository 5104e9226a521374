/** File trees as streams. */
export { Unpacking, type UnpackOptions, unpack } from "./unpack.ts";
