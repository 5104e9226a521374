/** Writes what stands at a path of a container's file system as a tar stream, by descriptor, in pieces. */
import { endOfArchive, headerOf, padding, type TarEntry, type TarEntryType } from "../../../archive/mod.ts";
import {
  descriptorStatus,
  type EntryType,
  type FileStatus,
  listDirectory,
} from "../../../kernel/directory.ts";
import { readAttribute } from "../../../kernel/extended-attributes.ts";
import { openFile, openFlags, openIfPresent, readLinkOf } from "../../../kernel/files.ts";
import { readSome } from "../../../kernel/io.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { pause } from "../../../lib/timer.ts";
import { resolveFlags } from "../../../linux/open-flags.ts";
import type { FoundEntry } from "./path-status.ts";

const pieceBytes = 256 * 1024;
const sliceMs = 4;
/** Open directories, one a level. A deeper tree is no tree of a person's files. */
const depthLimit = 256;
const noAttributes: ReadonlyMap<string, Uint8Array> = new Map();
/** What a program may do beyond its user, as in Docker's archives; other attributes stay. capabilities(7) */
const capability = "security.capability";

/** Sockets have no place in an archive. */
const types: Readonly<Partial<Record<EntryType, TarEntryType>>> = {
  file: "file",
  directory: "directory",
  symlink: "symlink",
  character: "character",
  block: "block",
  fifo: "fifo",
};

/** `entry` and all below it, under `name`. Ids are given relative to `firstHostId`. The entry belongs to the caller. */
export async function* pack(
  entry: FoundEntry,
  name: string,
  firstHostId: number,
): AsyncGenerator<Uint8Array> {
  const packing = new Packing(firstHostId);
  let sliceStart = performance.now();
  for (const piece of packing.entry(entry.fd, name, 0)) {
    yield piece;
    if (performance.now() - sliceStart < sliceMs) continue;
    await pause(0);
    sliceStart = performance.now();
  }
  yield endOfArchive;
}

class Packing {
  readonly #firstHostId: number;
  /** Files with several names, by device and inode: the later names are hard links to the first. */
  readonly #linked = new Map<string, string>();

  constructor(firstHostId: number) {
    this.#firstHostId = firstHostId;
  }

  *entry(fd: OwnedFd, path: string, depth: number): Generator<Uint8Array> {
    const status = descriptorStatus(fd);
    const type = types[status.type];
    if (type === undefined) return;
    if (type === "file") yield* this.#file(fd, path, status);
    else yield headerOf(this.#member(type, path, status, type === "symlink" ? readLinkOf(fd) : "", 0));
    if (type !== "directory") return;
    if (depth === depthLimit) throw new RangeError(`${path} is deeper than ${depthLimit} directories`);
    using open = openFile(fd, ".", openFlags.readOnly | openFlags.directory);
    const names = listDirectory(open, path).map((below) => below.name);
    for (const name of names.sort()) {
      // Mounts of the container are part of what it shows, so they are crossed.
      const resolve = resolveFlags.beneath | resolveFlags.noSymlinks;
      using below = openIfPresent(open, name, openFlags.path | openFlags.noFollow, { resolve });
      if (below !== undefined) yield* this.entry(below, `${path}/${name}`, depth + 1);
    }
  }

  *#file(fd: OwnedFd, path: string, status: FileStatus): Generator<Uint8Array> {
    const identity = `${status.deviceMajor}:${status.deviceMinor}:${status.inode}`;
    const first = status.links > 1 ? this.#linked.get(identity) : undefined;
    if (first !== undefined) {
      yield headerOf(this.#member("hardLink", path, status, first, 0));
      return;
    }
    if (status.links > 1) this.#linked.set(identity, path);
    // It is known to be a regular file, so opening it cannot block.
    using file = openFile(undefined, `/proc/self/fd/${fd.raw}`, openFlags.readOnly);
    const granted = readAttribute(file, capability);
    const attributes = granted === undefined ? noAttributes : new Map([[capability, granted]]);
    yield headerOf({ ...this.#member("file", path, status, "", status.sizeBytes), attributes });
    let left = status.sizeBytes;
    while (left > 0) {
      const buffer = new Uint8Array(Math.min(left, pieceBytes));
      const got = readSome(file, buffer);
      // The header has promised a length: what a file lost meanwhile is zeros, what it gained is left out.
      const piece = got === 0 ? buffer : buffer.subarray(0, got);
      left -= piece.length;
      yield piece;
    }
    yield padding(status.sizeBytes);
  }

  #member(
    type: TarEntryType,
    path: string,
    status: FileStatus,
    linkTarget: string,
    sizeBytes: number,
  ): TarEntry {
    return {
      type,
      path,
      mode: status.mode,
      uid: Math.max(0, status.uid - this.#firstHostId),
      gid: Math.max(0, status.gid - this.#firstHostId),
      sizeBytes,
      modifiedAtNs: status.modifiedAtNs,
      linkTarget,
      deviceMajor: status.specialMajor,
      deviceMinor: status.specialMinor,
      attributes: noAttributes,
    };
  }
}
