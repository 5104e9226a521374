/**
 * A layer put together without a root to write to: what is copied or made goes straight into its archive, with the directories on the
 * way there as the tree below has them. So nothing is written twice, and equal inputs give equal layers. Links on the way are the tree's
 * own and stay in it.
 */
import { emptyFile } from "../../../archive/mod.ts";
import type { TreeEntry } from "../../../kernel/tree-view.ts";
import { sortedNames, TarPacking, type TreeNode } from "../../tree/mod.ts";
import { below, type LeavesOut } from "./sources.ts";
import type { OpenTree } from "./tree.ts";

export interface DraftOwner {
  readonly uid: number;
  readonly gid: number;
}

const root: DraftOwner = { uid: 0, gid: 0 };
const madeMode = 0o755;
const linkMode = 0o777;
const nothing = new Uint8Array(0);

export class LayerDraft {
  readonly #base: OpenTree;
  readonly #packing = new TarPacking({ firstHostId: () => 0, memory: "reused" });
  /** Directories that the archive has. */
  readonly #directories = new Set<string>();
  readonly #timeNs: bigint;
  #hasTop = false;
  isEmpty = true;

  /** `timeNs` is that of what is made from nothing. */
  constructor(base: OpenTree, timeNs: bigint) {
    this.#base = base;
    this.#timeNs = timeNs;
  }

  isDirectory(path: string): boolean {
    if (path === "" || this.#directories.has(path)) return true;
    using found = this.#base.find(path);
    return found?.isDirectory === true;
  }

  /** The directory and those on the way to it. */
  *directory(path: string, owner: DraftOwner = root, mode = madeMode): Generator<Uint8Array> {
    yield* this.#top();
    let way = "";
    for (const name of path === "" ? [] : path.split("/")) {
      way = below(way, name);
      if (this.#directories.has(way)) continue;
      using found = this.#base.find(way);
      if (found === undefined) yield* this.#newDirectory(way, owner, way === path ? mode : madeMode);
      else if (found.isDirectory) yield* this.#oldDirectory(found, way);
      else throw new Error(`cannot copy to ${JSON.stringify(`/${path}`)}: /${way} is no directory`);
    }
  }

  *file(path: string, content: Uint8Array, owner: DraftOwner, mode: number): Generator<Uint8Array> {
    yield* this.#parent(path, owner);
    this.#refuseDirectory(path);
    this.isEmpty = false;
    const { uid, gid } = owner;
    const entry = { ...emptyFile, path, mode, uid, gid, sizeBytes: content.length };
    yield* this.#packing.made({ ...entry, modifiedAtNs: this.#timeNs }, content);
  }

  *symlink(path: string, target: string, owner: DraftOwner): Generator<Uint8Array> {
    yield* this.#parent(path, owner);
    this.#refuseDirectory(path);
    this.isEmpty = false;
    const { uid, gid } = owner;
    const entry = {
      ...emptyFile,
      type: "symlink" as const,
      path,
      mode: linkMode,
      uid,
      gid,
      linkTarget: target,
    };
    yield* this.#packing.made({ ...entry, modifiedAtNs: this.#timeNs }, nothing);
  }

  /** An entry and all below it, at a path whose parent is there. Of a directory that is there already only what is in it. */
  *entry(node: TreeNode, path: string, leavesOut: LeavesOut): Generator<Uint8Array> {
    yield* this.#top();
    // Names of one file in two copies are two files.
    this.#packing.forgetNames();
    using there = this.#base.find(path);
    yield* this.#entry(node, path, { leavesOut, path: "", there });
  }

  /** What is there below is there no more. */
  *remove(path: string): Generator<Uint8Array> {
    const parts = path.split("/");
    const name = parts.pop() ?? "";
    const parent = parts.join("/");
    if (this.#directories.has(path)) throw new Error(`/${path} is made and removed in one step`);
    yield* this.directory(parent);
    this.isEmpty = false;
    yield* this.#packing.mark(below(parent, `.wh.${name}`));
  }

  *end(): Generator<Uint8Array> {
    yield* this.#packing.end();
  }

  *#entry(
    node: TreeNode,
    path: string,
    at: { readonly leavesOut: LeavesOut; readonly path: string; readonly there: TreeEntry | undefined },
  ): Generator<Uint8Array> {
    const { there, leavesOut } = at;
    if (node.status.type !== "directory") {
      if (there?.isDirectory === true || this.#directories.has(path)) refuseOverwriting(path);
      this.isEmpty = false;
      yield* this.#packing.member(node, path);
      return;
    }
    if (path !== "" && !this.#directories.has(path)) {
      if (there?.isDirectory === false) throw new Error(`cannot copy to non-directory: /${path}`);
      this.#directories.add(path);
      this.isEmpty &&= there !== undefined;
      yield* this.#packing.member(there ?? node, path);
    }
    for (const name of sortedNames(node)) {
      const inside = below(at.path, name);
      if (leavesOut(inside)) continue;
      using child = node.child(name);
      if (child === undefined) continue;
      using childThere = there?.child(name);
      yield* this.#entry(child, below(path, name), { leavesOut, path: inside, there: childThere });
    }
  }

  /** A file may take a file's place, not a directory's. */
  #refuseDirectory(path: string): void {
    if (this.isDirectory(path)) refuseOverwriting(path);
  }

  *#parent(path: string, owner: DraftOwner): Generator<Uint8Array> {
    yield* this.directory(path.split("/").slice(0, -1).join("/"), owner);
  }

  *#top(): Generator<Uint8Array> {
    if (this.#hasTop) return;
    this.#hasTop = true;
    const view = this.#base.view;
    if (view === undefined) yield* this.#made("./", root, madeMode);
    else yield* this.#packing.member(view.root, ".");
  }

  *#oldDirectory(found: TreeNode, path: string): Generator<Uint8Array> {
    this.#directories.add(path);
    yield* this.#packing.member(found, path);
  }

  *#newDirectory(path: string, owner: DraftOwner, mode: number): Generator<Uint8Array> {
    this.#directories.add(path);
    this.isEmpty = false;
    yield* this.#made(path, owner, mode);
  }

  *#made(path: string, { uid, gid }: DraftOwner, mode: number): Generator<Uint8Array> {
    const entry = { ...emptyFile, type: "directory" as const, path, mode, uid, gid };
    yield* this.#packing.made({ ...entry, modifiedAtNs: this.#timeNs }, nothing);
  }
}

function refuseOverwriting(path: string): never {
  throw new Error(`cannot overwrite the directory /${path} with what is none`);
}
