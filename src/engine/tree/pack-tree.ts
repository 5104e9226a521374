/** A tree, or one entry, as a tar stream: what `cp` and `export` send. */
import { Breather } from "../../lib/breather.ts";
import { type PackingOptions, TarPacking } from "./tar-packing.ts";
import { tooDeep } from "./tree-error.ts";
import { depthLimit, joined, sortedNames, type TreeNode } from "./tree-node.ts";

export interface NamedTree {
  readonly node: TreeNode;
  readonly name: string;
}

/** `node` and all below it, under `name`; with the empty name all below it. The node stays the caller's. */
export function packTree(node: TreeNode, name: string, options: PackingOptions): AsyncGenerator<Uint8Array> {
  return packTrees([{ node, name }], options);
}

/** Several as one archive. A file that two of them have is two files. */
export function packTrees(trees: readonly NamedTree[], options: PackingOptions): AsyncGenerator<Uint8Array> {
  const packing = new TarPacking(options);
  return inSlices(
    (function* () {
      for (const { node, name } of trees) {
        packing.forgetNames();
        yield* name === "" ? content(packing, node, "", 0) : entry(packing, node, name, 0);
      }
      yield* packing.end();
    })(),
  );
}

function* entry(packing: TarPacking, node: TreeNode, path: string, depth: number): Generator<Uint8Array> {
  yield* packing.member(node, path);
  if (node.status.type === "directory") yield* content(packing, node, path, depth);
}

function* content(packing: TarPacking, node: TreeNode, path: string, depth: number): Generator<Uint8Array> {
  if (depth === depthLimit) throw tooDeep(path);
  for (const name of sortedNames(node)) {
    using below = node.child(name);
    if (below !== undefined) yield* entry(packing, below, joined(path, name), depth + 1);
  }
}

/** Lets other work run every few milliseconds, however fast the reader is. */
export async function* inSlices<T>(items: Iterable<T>): AsyncGenerator<T> {
  const breather = new Breather();
  for (const item of items) {
    yield item;
    await breather.breathe();
  }
}
