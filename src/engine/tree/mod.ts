/** File trees as streams. */
export { type Change, type ChangeKind, listChanges } from "./changes.ts";
export { compressionOf, decompress } from "./decompress.ts";
export { keptAttributes } from "./kept-attributes.ts";
export { type LayerPacking, type PackedLayer, packLayer } from "./pack-layer.ts";
export { inSlices, packTree, packTrees } from "./pack-tree.ts";
export { retimed } from "./retimed.ts";
export { TarPacking } from "./tar-packing.ts";
export { sortedNames, type TreeNode } from "./tree-node.ts";
export { Unpacking, type UnpackOptions, unpack } from "./unpack.ts";
