/**
 * What was found out about the files of directories that others work in, so that an unchanged one is not read again. A file is
 * known by all that the kernel says of it but the time of its last access. Nobody can choose the time of the last change; a file that has
 * changed a moment ago might change once more within the same tick of that clock, and is not remembered. Some file systems have whole
 * seconds (ext4 with small inodes), or every second one (vfat).
 */

import {
  changedMsIn,
  type DirectoryScan,
  isDirectoryIn,
  isFileIn,
  isGone,
  scanDirectory,
  statusWords,
} from "../../../kernel/directory-scan.ts";
import { openFile, openFlags } from "../../../kernel/files.ts";
import { nowMs } from "../../../lib/clock.ts";
import type { TreeNode } from "../../tree/mod.ts";

/** The directories that were looked at longest ago go. Some 250 bytes each. */
const limitEntries = 150_000;
/** Longer than a tick of the clock that file systems look at. */
const settledMs = 50;
/** The same where times may be kept in steps of two seconds: they are whole ones. */
const coarseSettledMs = 2100;

interface SeenEntry {
  readonly name: string;
  readonly index: number;
  readonly isDirectory: boolean;
  readonly isFile: boolean;
  readonly isSettled: boolean;
  fact: string | undefined;
}

interface Seen extends Pick<DirectoryScan, "entries" | "words"> {
  /** In the order of archives. */
  readonly all: readonly SeenEntry[];
}

export class DirectoryMemory {
  readonly #seen = new Map<string, Seen>();
  #entries = 0;

  /** What is in the directory at this moment, with what is known of each. */
  list({ fd, status }: Pick<TreeNode, "fd" | "status">): readonly Readonly<SeenEntry>[] {
    const key = `${status.deviceMajor}:${status.deviceMinor}:${status.inode}`;
    const before = this.#seen.get(key);
    const startedMs = nowMs();
    using open = openFile(fd, ".", openFlags.readOnly | openFlags.directory);
    const scan = scanDirectory(open);
    const seen = before !== undefined && isSame(before, scan) ? before : seenOf(scan, before, startedMs);
    this.#keep(key, seen);
    return seen.all;
  }

  /** For what `list` gave. */
  remember(entry: Readonly<SeenEntry>, fact: string): void {
    if (entry.isSettled) (entry as SeenEntry).fact = fact;
  }

  #keep(key: string, seen: Seen): void {
    const before = this.#seen.get(key);
    if (before !== undefined) this.#entries -= before.all.length;
    this.#seen.delete(key);
    this.#seen.set(key, seen);
    this.#entries += seen.all.length;
    for (const [oldest, { all }] of this.#seen) {
      if (this.#entries <= limitEntries) return;
      this.#seen.delete(oldest);
      this.#entries -= all.length;
    }
  }
}

function isSame(before: Seen, { entries, words }: DirectoryScan): boolean {
  if (before.words.length !== words.length || Buffer.compare(before.entries, entries) !== 0) return false;
  // Of those that had just changed nothing is known, and the next look may find that they have settled.
  return (
    before.all.every(({ isSettled }) => isSettled) &&
    Buffer.compare(bytesOf(before.words), bytesOf(words)) === 0
  );
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function sameWords(a: Uint32Array, fromA: number, b: Uint32Array, fromB: number, count: number): boolean {
  for (let at = 0; at < count; at += 1) if (a[fromA + at] !== b[fromB + at]) return false;
  return true;
}

function seenOf(scan: DirectoryScan, before: Seen | undefined, startedMs: number): Seen {
  const { entries, words } = scan;
  const known = new Map(before?.all.map((entry) => [entry.name, entry]));
  const all: SeenEntry[] = [];
  for (const [index, name] of scan.names().entries()) {
    if (isGone(words, index)) continue;
    const was = known.get(name);
    const isUnchanged =
      was !== undefined &&
      before !== undefined &&
      sameWords(before.words, was.index * statusWords, words, index * statusWords, statusWords);
    all.push({
      name,
      index,
      isDirectory: isDirectoryIn(words, index),
      isFile: isFileIn(words, index),
      isSettled: hasSettled(changedMsIn(words, index), startedMs),
      fact: isUnchanged ? was.fact : undefined,
    });
  }
  all.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return { entries, words, all };
}

/** Pure. Whether what changed last at that time will have another time when it changes again. */
export function hasSettled(changedMs: number, nowMs: number): boolean {
  return nowMs - changedMs > (changedMs % 1000 === 0 ? coarseSettledMs : settledMs);
}
