/** What one member of a tar archive says, whatever dialect it is written in. */
import { encodeName } from "../../lib/name-text.ts";

export type TarEntryType = "file" | "directory" | "symlink" | "hardLink" | "character" | "block" | "fifo";

/** A stretch of a sparse file that holds data. */
export interface TarSegment {
  readonly atBytes: number;
  readonly bytes: number;
}

export interface TarEntry {
  readonly type: TarEntryType;
  /** As written: it may be absolute, or hold `..`; whoever unpacks decides. Without trailing slashes. */
  readonly path: string;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The file's length; only files have any. */
  readonly sizeBytes: number;
  /** The stretches of the file that the archive holds, in their order; undefined when it holds all of it. What is between is zeros. */
  readonly segments?: readonly TarSegment[];
  readonly modifiedAtNs: bigint;
  /** Target of a symbolic link, or path of the member that a hard link is another name of; else empty. */
  readonly linkTarget: string;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Extended attributes by full name (`user.x`, `security.capability`). */
  readonly attributes: ReadonlyMap<string, Uint8Array>;
}

/** What the entry adds to the size of a layer, as Docker counts: a file's length, and that of what a symbolic link says. */
export function countedBytes({ type, sizeBytes, linkTarget }: TarEntry): number {
  return type === "symlink" ? encodeName(linkTarget).length : sizeBytes;
}

/** What a member is unless more is said: an empty file of root that nobody may read, as old as can be. */
export const emptyFile: Omit<TarEntry, "path"> = {
  type: "file",
  mode: 0,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  modifiedAtNs: 0n,
  linkTarget: "",
  deviceMajor: 0,
  deviceMinor: 0,
  attributes: new Map(),
};
