/** What steps take of a context, a stage or an image: entries, found and told apart by content. */
import { createHash, type Hash } from "node:crypto";
import { shellPattern } from "../../../docker/shell-pattern.ts";
import { fileStatus } from "../../../kernel/directory.ts";
import { openFile, openFlags, readLinkOf } from "../../../kernel/files.ts";
import { readSome } from "../../../kernel/io.ts";
import { TreeEntry, type TreeView } from "../../../kernel/tree-view.ts";
import { Breather } from "../../../lib/breather.ts";
import { keptAttributes, sortedNames, type TreeNode } from "../../tree/mod.ts";
import type { DirectoryMemory } from "../in-place/mod.ts";
import type { StepInput } from "../step-cache.ts";
import type { TreeMemory } from "./tree-memory.ts";

/** What a pattern found. Whoever got it closes it. */
export interface Source {
  /** Relative to the tree's root; empty for the root itself. */
  readonly path: string;
  readonly node: TreeNode;
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
    if (part === "**") paths = [...new Set(paths.flatMap((path) => directoriesIn(tree, path, depthLimit)))];
    else if (hasWildcard(part)) paths = paths.flatMap((path) => matchesIn(tree, path, part));
    else paths = paths.map((path) => below(path, part));
  }
  return paths.flatMap((path) => {
    const node = tree.find(path);
    return node === undefined ? [] : [{ path, node }];
  });
}

export function hasWildcard(pattern: string): boolean {
  return /[*?[\\]/.test(pattern);
}

const depthLimit = 100;

/** The directory and all below it, links not followed. */
function directoriesIn(tree: TreeView, path: string, levels: number): string[] {
  using found = tree.find(path);
  if (found?.isDirectory !== true || levels === 0) return [];
  const inside = sortedNames(found).flatMap((name) => {
    using child = found.child(name);
    return child?.isDirectory === true ? directoriesIn(tree, below(path, name), levels - 1) : [];
  });
  return [path, ...inside];
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

const pieceBytes = 256 * 1024;

/** Whether something of a source is left out, by its path in it. */
export type LeavesOut = (path: string) => boolean;

/** As many entries are told apart by their own names; of more, directories are. */
const limitFacts = 400;
const factDigits = 32;

/**
 * What is in the sources, each entry by its path with a digest of its kind, mode, owner, attributes and content; times say nothing.
 */
export async function contentFacts(
  sources: readonly { readonly path: string; readonly node: TreeNode }[],
  memory: TreeMemory,
  leavesOut: LeavesOut = () => false,
): Promise<StepInput[]> {
  const walk = new ContentWalk(memory, leavesOut);
  for (const { path, node } of sources) await walk.add(node, path, "");
  let facts: readonly StepInput[] = walk.facts;
  // To group by all but the deepest entries' own names is the first that makes fewer of them.
  const deepest = facts.length > limitFacts ? deepestOf(facts) : 0;
  for (let depth = Math.min(limitDepth, deepest - 1); facts.length > limitFacts && depth > 0; depth -= 1)
    facts = grouped(walk.facts, depth);
  return facts.length > limitFacts ? grouped(walk.facts, 0) : [...facts];
}

const limitDepth = 8;

function deepestOf(facts: readonly StepInput[]): number {
  return facts.reduce((deepest, { name }) => Math.max(deepest, name.split("/").length), 0);
}

/** All below a directory of that depth as one. */
function grouped(facts: readonly StepInput[], depth: number): StepInput[] {
  const groups = new Map<string, string[]>();
  for (const { name, value } of facts) {
    const group = directoryAt(name, depth);
    const line = `${JSON.stringify([name, value])}\n`;
    const lines = groups.get(group);
    if (lines === undefined) groups.set(group, [line]);
    else lines.push(line);
  }
  return [...groups].map(([name, lines]) => ({
    name: name === "" ? "files" : name,
    value: createHash("sha256").update(lines.join("")).digest("hex").slice(0, factDigits),
  }));
}

/** The first `depth` parts of a path. */
function directoryAt(path: string, depth: number): string {
  let end = depth === 0 ? 0 : -1;
  for (let part = 0; part < depth; part += 1) {
    end = path.indexOf("/", end + 1);
    if (end === -1) return path;
  }
  return path.slice(0, end);
}

class ContentWalk {
  readonly facts: StepInput[] = [];
  readonly #breather = new Breather();
  readonly #piece = new Uint8Array(pieceBytes);
  readonly #leavesOut: LeavesOut;
  readonly #memory: TreeMemory;

  constructor(memory: TreeMemory, leavesOut: LeavesOut) {
    this.#memory = memory;
    this.#leavesOut = leavesOut;
  }

  /** `path` is shown, `inside` counts from the source. */
  async add(node: TreeNode, path: string, inside: string): Promise<void> {
    const { type } = node.status;
    const { files, directories } = this.#memory;
    const known = type === "file" ? files?.find(node.status) : undefined;
    const value = known ?? (await this.#factOf(node));
    if (type === "file" && known === undefined) files?.remember(node.status, value);
    this.facts.push({ name: path === "" ? "." : path, value });
    if (type !== "directory") return;
    await this.#breather.breathe();
    if (directories !== undefined && node instanceof TreeEntry) {
      await this.#listed(node, directories, path, inside);
      return;
    }
    for (const name of sortedNames(node)) {
      const at = below(inside, name);
      if (this.#leavesOut(at)) continue;
      const remembered = this.#remembered(node, name);
      if (remembered !== undefined) {
        this.facts.push({ name: below(path, name), value: remembered });
        continue;
      }
      using child = node.child(name);
      if (child !== undefined) await this.add(child, below(path, name), at);
    }
  }

  /** What is in a directory that others work in. */
  async #listed(node: TreeEntry, memory: DirectoryMemory, path: string, inside: string): Promise<void> {
    for (const entry of memory.list(node)) {
      const { name, isDirectory, fact } = entry;
      const at = below(inside, name);
      if (this.#leavesOut(at)) continue;
      if (fact !== undefined) {
        if (!node.hides(name, isDirectory)) this.facts.push({ name: below(path, name), value: fact });
        continue;
      }
      using child = node.child(name);
      if (child === undefined) continue;
      await this.add(child, below(path, name), at);
      const added = this.facts.at(-1);
      if (!isDirectory && !child.isDirectory && added !== undefined) memory.remember(entry, added.value);
    }
  }

  /** Of a file that need not even be opened. */
  #remembered(directory: TreeNode, name: string): string | undefined {
    const { files } = this.#memory;
    if (files === undefined) return undefined;
    const status = fileStatus(name, directory.fd);
    return status?.type === "file" ? files.find(status) : undefined;
  }

  async #factOf(node: TreeNode): Promise<string> {
    const { type, mode, uid, gid, sizeBytes, specialMajor, specialMinor } = node.status;
    const size = type === "file" ? sizeBytes : 0;
    const target = type === "symlink" ? readLinkOf(node.fd) : "";
    const kept = type === "symlink" ? [] : [...keptAttributes(node, 0, node.carries)];
    const attributes = kept.map(([name, value]) => [name, Buffer.from(value).toString("base64")]);
    const hash = createHash("sha256");
    hash.update(
      `${JSON.stringify([type, mode, uid, gid, size, target, specialMajor, specialMinor, attributes])}\n`,
    );
    if (type === "file" && sizeBytes > 0) await this.#content(node, hash);
    return hash.digest("hex").slice(0, factDigits);
  }

  async #content(node: TreeNode, hash: Hash): Promise<void> {
    using file = openFile(undefined, `/proc/self/fd/${node.fd.raw}`, openFlags.readOnly);
    // It is as long as it was said to be, so the end need not be asked for.
    for (let left = node.status.sizeBytes; left > 0; ) {
      const got = readSome(file, this.#piece);
      if (got === 0) break;
      left -= got;
      hash.update(this.#piece.subarray(0, got));
      await this.#breather.breathe();
    }
  }
}
