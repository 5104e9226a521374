/** What is in the files that a step takes, so that its key is another one when any of it is. */
import { createHash, type Hash } from "node:crypto";
import { fileStatus } from "../../../kernel/directory.ts";
import { openFile, openFlags, readLinkOf } from "../../../kernel/files.ts";
import { readAt } from "../../../kernel/io.ts";
import { TreeEntry } from "../../../kernel/tree-view.ts";
import { Breather } from "../../../lib/breather.ts";
import { keptAttributes, sortedNames, type TreeNode } from "../../tree/mod.ts";
import type { DirectoryMemory } from "../in-place/mod.ts";
import type { StepInput } from "../step-cache.ts";
import { type FactRun, FactRuns, factDigits, textOf } from "./fact-runs.ts";
import { below, type LeavesOut, leavesNothingOut } from "./sources.ts";
import type { TreeMemory } from "./tree-memory.ts";

const pieceBytes = 256 * 1024;

/**
 * What is in the sources, each entry by its path with a digest of its kind, mode, owner, attributes and content; times say nothing.
 */
export async function contentFacts(
  sources: readonly { readonly path: string; readonly node: TreeNode }[],
  memory: TreeMemory,
  leavesOut: LeavesOut = leavesNothingOut,
): Promise<StepInput[]> {
  const walk = new ContentWalk(memory, leavesOut);
  for (const { path, node } of sources) await walk.add(node, path, "");
  return walk.facts.all();
}

type Listed = ReturnType<DirectoryMemory["list"]>;

/** By the list that a directory has until something of it changes. */
const runs = new WeakMap<Listed, FactRun>();

/** All of a directory in which there are only files, each of them known. */
function knownRun(entries: Listed, directory: string): FactRun | undefined {
  const before = runs.get(entries);
  if (before?.directory === directory) return before;
  const facts: StepInput[] = [];
  for (const { name, isDirectory, fact } of entries) {
    if (isDirectory || fact === undefined) return undefined;
    facts.push({ name: below(directory, name), value: fact });
  }
  const run = { directory, facts, text: textOf(facts) };
  runs.set(entries, run);
  return run;
}

class ContentWalk {
  readonly facts = new FactRuns();
  readonly #breather = new Breather();
  readonly #piece = new Uint8Array(pieceBytes);
  readonly #leavesOut: LeavesOut;
  readonly #memory: TreeMemory;

  constructor(memory: TreeMemory, leavesOut: LeavesOut) {
    this.#memory = memory;
    this.#leavesOut = leavesOut;
  }

  /** `path` is shown, `inside` counts from the source. What is said of the node itself. */
  async add(node: TreeNode, path: string, inside: string): Promise<string> {
    const { type } = node.status;
    const { files, directories } = this.#memory;
    const known = type === "file" ? files?.find(node.status) : undefined;
    const value = known ?? (await this.#factOf(node));
    if (type === "file" && known === undefined) files?.remember(node.status, value);
    this.facts.add({ name: path === "" ? "." : path, value });
    if (type !== "directory") return value;
    await this.#breather.breathe();
    if (directories !== undefined && node instanceof TreeEntry)
      await this.#listed(node, directories, path, inside);
    else await this.#content(node, path, inside);
    return value;
  }

  async #content(node: TreeNode, path: string, inside: string): Promise<void> {
    for (const name of sortedNames(node)) {
      const at = below(inside, name);
      if (this.#leavesOut(at)) continue;
      const remembered = this.#remembered(node, name);
      if (remembered !== undefined) {
        this.facts.add({ name: below(path, name), value: remembered });
        continue;
      }
      using child = node.child(name);
      if (child !== undefined) await this.add(child, below(path, name), at);
    }
  }

  /** What is in a directory that others work in. */
  async #listed(node: TreeEntry, memory: DirectoryMemory, path: string, inside: string): Promise<void> {
    const entries = memory.list(node);
    const run = this.#leavesOut === leavesNothingOut && !node.hidesAny ? knownRun(entries, path) : undefined;
    if (run !== undefined) {
      this.facts.addRun(run);
      return;
    }
    for (const entry of entries) {
      const { name, isDirectory, isFile, fact } = entry;
      const at = below(inside, name);
      if (this.#leavesOut(at)) continue;
      if (fact !== undefined) {
        if (!node.hides(name, isDirectory)) this.facts.add({ name: below(path, name), value: fact });
        continue;
      }
      using child = node.child(name, isFile);
      if (child === undefined) continue;
      const value = await this.add(child, below(path, name), at);
      if (!isDirectory && !child.isDirectory) memory.remember(entry, value);
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
    if (type === "file" && sizeBytes > 0) await this.#bytes(node, hash);
    return hash.digest("hex").slice(0, factDigits);
  }

  async #bytes(node: TreeNode, hash: Hash): Promise<void> {
    using opened =
      node.isReadable === true
        ? undefined
        : openFile(undefined, `/proc/self/fd/${node.fd.raw}`, openFlags.readOnly);
    const file = opened ?? node.fd;
    // It is as long as it was said to be, so the end need not be asked for.
    for (let left = node.status.sizeBytes, at = 0; left > 0; ) {
      const got = readAt(file, this.#piece.subarray(0, left), at);
      if (got.length === 0) break;
      left -= got.length;
      at += got.length;
      hash.update(got);
      await this.#breather.breathe();
    }
  }
}
