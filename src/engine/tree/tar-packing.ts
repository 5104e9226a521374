/**
 * Members of a tar archive from open entries, in pieces of a size that is worth sending. Memory is bounded whatever the tree
 * holds, but for a note on each file with several names. Files may change while they are read: the header has promised a
 * length, so what a file loses meanwhile is zeros, and what it gains is left out.
 */
import {
  emptyFile,
  endOfArchive,
  headerOf,
  padding,
  type TarEntry,
  type TarEntryType,
} from "../../archive/mod.ts";
import type { EntryType } from "../../kernel/directory.ts";
import { openFile, openFlags, readLinkOf } from "../../kernel/files.ts";
import { readAt } from "../../kernel/io.ts";
import { Pieces } from "../../lib/pieces.ts";
import { type Attributes, keptAttributes, noAttributes, relativeId } from "./kept-attributes.ts";
import type { TreeNode } from "./tree-node.ts";

/** Sockets have no place in an archive. */
const types: Readonly<Partial<Record<EntryType, TarEntryType>>> = {
  file: "file",
  directory: "directory",
  symlink: "symlink",
  character: "character",
  block: "block",
  fifo: "fifo",
};

export interface PackingOptions {
  /** Ids of a node are given relative to this. */
  readonly firstHostId: (node: TreeNode) => number;
  /** Which extended attributes go along; all that are content unless given. */
  readonly attributes?: (name: string) => boolean;
  /** Of the pieces: `reused` where whoever takes one is done with it when the next is asked for. `own` unless given. */
  readonly memory?: "own" | "reused";
}

export class TarPacking {
  readonly #options: PackingOptions;
  /** Files with several names, by device and inode: the later names are hard links to the first. */
  readonly #linked = new Map<string, string>();
  readonly #pieces: Pieces;

  constructor(options: PackingOptions) {
    this.#options = options;
    this.#pieces = new Pieces(options.memory ?? "own");
  }

  /** The member for `node`, by that path. Nothing for a socket. */
  *member(node: TreeNode, path: string): Generator<Uint8Array> {
    const { status } = node;
    const type = types[status.type];
    if (type === undefined) return;
    const first = type === "directory" || status.links < 2 ? undefined : this.#firstName(node, path);
    if (first !== undefined) {
      yield* this.#pieces.write(headerOf(this.#entry("hardLink", node, path, first, noAttributes)));
      return;
    }
    const attributes = keptAttributes(
      node,
      this.#options.firstHostId(node),
      this.#options.attributes ?? node.carries,
    );
    const target = type === "symlink" ? readLinkOf(node.fd) : "";
    yield* this.#pieces.write(headerOf(this.#entry(type, node, path, target, attributes)));
    if (type === "file" && status.sizeBytes > 0) yield* this.#content(node);
  }

  /** An empty file of root's that nobody may read: a mark that says something by its name. */
  *mark(path: string): Generator<Uint8Array> {
    yield* this.#pieces.write(headerOf({ ...emptyFile, path }));
  }

  /** A member that is in no tree yet. */
  *made(entry: TarEntry, content: Uint8Array): Generator<Uint8Array> {
    yield* this.#pieces.write(headerOf(entry));
    yield* this.#pieces.write(content);
    yield* this.#pieces.write(padding(content.length));
  }

  /** From now on further names of a file that is in the archive already are files of their own. */
  forgetNames(): void {
    this.#linked.clear();
  }

  /** What an archive ends with. */
  *end(): Generator<Uint8Array> {
    yield* this.#pieces.write(endOfArchive);
    yield* this.#pieces.end();
  }

  /** The path by which the same file has been written already. */
  #firstName({ status }: TreeNode, path: string): string | undefined {
    const identity = `${status.deviceMajor}:${status.deviceMinor}:${status.inode}`;
    const first = this.#linked.get(identity);
    if (first === undefined) this.#linked.set(identity, path);
    return first;
  }

  *#content(node: TreeNode): Generator<Uint8Array> {
    const { sizeBytes } = node.status;
    // It is known to be a regular file, so opening it cannot block.
    using opened =
      node.isReadable === true
        ? undefined
        : openFile(undefined, `/proc/self/fd/${node.fd.raw}`, openFlags.readOnly);
    const file = opened ?? node.fd;
    let hasEnded = false;
    for (let left = sizeBytes; left > 0; ) {
      const room = this.#pieces.room(left);
      const got: number = hasEnded ? 0 : readAt(file, room, sizeBytes - left).length;
      hasEnded ||= got === 0;
      if (hasEnded) room.fill(0);
      const taken = hasEnded ? room.length : got;
      left -= taken;
      yield* this.#pieces.advance(taken);
    }
    yield* this.#pieces.write(padding(sizeBytes));
  }

  #entry(
    type: TarEntryType,
    node: TreeNode,
    path: string,
    linkTarget: string,
    attributes: Attributes,
  ): TarEntry {
    const { status } = node;
    const firstHostId = this.#options.firstHostId(node);
    return {
      type,
      path,
      mode: status.mode,
      uid: relativeId(status.uid, firstHostId),
      gid: relativeId(status.gid, firstHostId),
      sizeBytes: type === "file" ? status.sizeBytes : 0,
      modifiedAtNs: status.modifiedAtNs,
      linkTarget,
      deviceMajor: status.specialMajor,
      deviceMinor: status.specialMinor,
      attributes,
    };
  }
}
