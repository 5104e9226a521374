/**
 * The tar form of a tree of our own making (everything belongs to root): what a layer's id is the digest of. It is a stream of
 * chunks; nothing here reads or writes a file.
 */
import { endOfArchive, headerOf, padding } from "../../archive/mod.ts";
import type { TreeEntry } from "./base-tree.ts";

const linkMode = 0o777;
const nothing = new Uint8Array(0);
const noAttributes: ReadonlyMap<string, Uint8Array> = new Map();

/** The archive's bytes in order; `mtimeSeconds` is every entry's modification time. */
export function* archiveOf(entries: readonly TreeEntry[], mtimeSeconds: number): Generator<Uint8Array> {
  for (const entry of entries) {
    const content = entry.kind === "file" ? entry.content : nothing;
    yield headerOf({
      type: entry.kind,
      path: entry.path,
      mode: entry.kind === "symlink" ? linkMode : entry.mode,
      uid: 0,
      gid: 0,
      sizeBytes: content.length,
      modifiedAtNs: BigInt(mtimeSeconds) * 1_000_000_000n,
      linkTarget: entry.kind === "symlink" ? entry.target : "",
      deviceMajor: 0,
      deviceMinor: 0,
      attributes: noAttributes,
    });
    if (content.length === 0) continue;
    yield content;
    yield padding(content.length);
  }
  yield endOfArchive;
}
