/** What `COPY` and `ADD` take: entries of a context, a stage or an image, found, told apart by content, and sent as tar. */
import { createHash, type Hash } from "node:crypto";
import { shellPattern } from "../../docker/shell-pattern.ts";
import { openFile, openFlags, readLinkOf } from "../../kernel/files.ts";
import { readSome } from "../../kernel/io.ts";
import type { TreeView } from "../../kernel/tree-view.ts";
import { Breather } from "../../lib/breather.ts";
import { inSlices, sortedNames, TarPacking, type TreeNode } from "../tree/mod.ts";

/** What a pattern found. Whoever got it closes it. */
export interface Source {
  /** Relative to the tree's root; empty for the root itself. */
  readonly path: string;
  readonly node: TreeNode;
}

/** Where the content of a source goes: the paths are from the root, without links on the way. */
export interface Placed {
  readonly node: TreeNode;
  /** Empty: what is in the directory goes into the root. */
  readonly path: string;
  /** Of a directory only what is in it, because there is a directory already. */
  readonly contentOnly: boolean;
}

/** As a path from the root, with `.` and `..` resolved by their words alone. */
export function pathParts(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts;
}

/** Every entry that the pattern means, links followed within the tree. Throws `Error` for a pattern that is none. */
export function findSources(tree: TreeView, pattern: string): Source[] {
  const parts = pathParts(pattern);
  let paths = [""];
  for (const part of parts) {
    paths = /[*?[\\]/.test(part)
      ? paths.flatMap((path) => matchesIn(tree, path, part))
      : paths.map((path) => below(path, part));
  }
  return paths.flatMap((path) => {
    const node = tree.find(path);
    return node === undefined ? [] : [{ path, node }];
  });
}

function matchesIn(tree: TreeView, directory: string, pattern: string): string[] {
  const matches = shellPattern(pattern);
  if (matches === undefined) throw new Error(`syntax error in pattern: ${JSON.stringify(pattern)}`);
  using found = tree.find(directory);
  if (found?.isDirectory !== true) return [];
  return [...found.names()]
    .filter(matches)
    .sort()
    .map((name) => below(directory, name));
}

export function below(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

/** More links than these on one path are a loop. */
const linkLimit = 40;

/** Where a path leads to, as far as there is something, without links; what is not there keeps its words. */
export function resolvedPath(tree: TreeView, path: string): string {
  let links = 0;
  let trail: string[] = [];
  const pending = pathParts(path).reverse();
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === "..") {
      trail = trail.slice(0, -1);
      continue;
    }
    using parent = tree.find(trail.join("/"));
    using entry = parent?.isDirectory === true ? parent.child(name) : undefined;
    if (entry?.status.type !== "symlink") {
      trail.push(name);
      continue;
    }
    links += 1;
    if (links > linkLimit) throw new Error(`too many symbolic links on the way to ${path}`);
    const target = entry.target();
    if (target.startsWith("/")) trail = [];
    pending.push(
      ...target
        .split("/")
        .filter((part) => part !== "" && part !== ".")
        .reverse(),
    );
  }
  return trail.join("/");
}

/** The same node with other permission bits, all below it too. */
export function withMode(node: TreeNode, mode: number): TreeNode {
  const status = node.status.type === "symlink" ? node.status : { ...node.status, mode };
  return {
    fd: node.fd,
    status,
    names: () => node.names(),
    child(name) {
      const child = node.child(name);
      return child === undefined ? undefined : withMode(child, mode);
    },
    [Symbol.dispose]: () => node[Symbol.dispose](),
  };
}

/** One archive of all of them. The nodes stay the caller's. */
export function sourceStream(placed: readonly Placed[]): AsyncGenerator<Uint8Array> {
  const packing = new TarPacking({ firstHostId: () => 0 });
  return inSlices(
    (function* () {
      for (const { node, path, contentOnly } of placed) yield* packed(packing, node, path, contentOnly);
      yield* packing.end();
    })(),
  );
}

function* packed(
  packing: TarPacking,
  node: TreeNode,
  path: string,
  contentOnly: boolean,
): Generator<Uint8Array> {
  if (!contentOnly && path !== "") yield* packing.member(node, path);
  if (node.status.type !== "directory") return;
  for (const name of sortedNames(node)) {
    using child = node.child(name);
    if (child !== undefined) yield* packed(packing, child, below(path, name), false);
  }
}

const pieceBytes = 256 * 1024;

/** A digest of names, kinds, modes, owners and contents; times say nothing. */
export async function contentDigest(
  sources: readonly { readonly path: string; readonly node: TreeNode }[],
): Promise<string> {
  const hash = createHash("sha256");
  const breather = new Breather();
  for (const { path, node } of sources) await addTo(hash, node, path.split("/").at(-1) ?? "", breather);
  return hash.digest("hex");
}

async function addTo(hash: Hash, node: TreeNode, path: string, breather: Breather): Promise<void> {
  const { type, mode, uid, gid, sizeBytes, specialMajor, specialMinor } = node.status;
  const size = type === "file" ? sizeBytes : 0;
  const target = type === "symlink" ? readLinkOf(node.fd) : "";
  hash.update(`${JSON.stringify([path, type, mode, uid, gid, size, target, specialMajor, specialMinor])}\n`);
  if (type === "file" && sizeBytes > 0) {
    using file = openFile(undefined, `/proc/self/fd/${node.fd.raw}`, openFlags.readOnly);
    const piece = new Uint8Array(Math.min(pieceBytes, sizeBytes));
    for (let got = readSome(file, piece); got > 0; got = readSome(file, piece)) {
      hash.update(piece.subarray(0, got));
      await breather.breathe();
    }
  }
  if (type !== "directory") return;
  for (const name of sortedNames(node)) {
    using child = node.child(name);
    if (child !== undefined) await addTo(hash, child, below(path, name), breather);
  }
}
