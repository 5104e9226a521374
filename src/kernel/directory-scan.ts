/**
 * A directory with the status of all that is in it, in as few native calls as can be: for who looks at ten thousand files to find that
 * none has changed, a call for each would be most of the work. What comes is the kernel's own words, to be compared as they are.
 */
import { decodeName } from "../lib/name-text.ts";
import { errno } from "../linux/errno.ts";
import { atFlags, fileTypes } from "../linux/open-flags.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { addressOf, machine, SyscallError, syscallNumber, trySyscall } from "./syscall.ts";
import { callWords, performAll } from "./syscall-sequence.ts";

/** Of each entry: links, uid, gid, mode, inode (2), size (2), time of change (3), of modification (3), special device (2), device (2), errno. */
export const statusWords = 19;
const modeAt = 3;
const changedAt = 8;
const errnoAt = 18;

export interface DirectoryScan {
  /** As getdents64(2) gave them, `.` and `..` among them. */
  readonly entries: Uint8Array;
  /** In the order of `names`. */
  readonly words: Uint32Array;
  names(): string[];
}

const startBytes = 32 * 1024;
const nameAt = 19;
const statxBytes = 256;
const statxBasicStats = 0x7ff;
const batch = 128;
const wordBytes = 4;
const high = 2 ** 32;

/** Those ranges of a `struct statx`, in words. */
const kept = [
  [4, 12],
  [24, 27],
  [28, 31],
  [32, 36],
] as const;

/** `directory` is open for reading, at its beginning. Throws `SyscallError`. */
export function scanDirectory(directory: OwnedFd): DirectoryScan {
  const entries = entriesOf(directory);
  const starts = nameStarts(entries);
  const words = new Uint32Array(starts.length * statusWords);
  for (let from = 0; from < starts.length; from += batch)
    statusOf(directory, entries, starts.subarray(from, from + batch), words.subarray(from * statusWords));
  return {
    entries,
    words,
    names: () => [...starts].map((at) => decodeName(entries.subarray(at, entries.indexOf(0, at)))),
  };
}

/** No entry of that name any more: it went after it was listed. */
export function isGone(words: Uint32Array, index: number): boolean {
  return words[index * statusWords + errnoAt] !== 0;
}

export function isDirectoryIn(words: Uint32Array, index: number): boolean {
  return ((words[index * statusWords + modeAt] ?? 0) & fileTypes.mask) === fileTypes.directory;
}

export function isFileIn(words: Uint32Array, index: number): boolean {
  return ((words[index * statusWords + modeAt] ?? 0) & fileTypes.mask) === fileTypes.regular;
}

/** Of the last change, in milliseconds since 1970, which no program can choose. */
export function changedMsIn(words: Uint32Array, index: number): number {
  const at = index * statusWords + changedAt;
  return ((words[at] ?? 0) + (words[at + 1] ?? 0) * high) * 1000 + (words[at + 2] ?? 0) / 1_000_000;
}

function entriesOf(directory: OwnedFd): Uint8Array {
  let buffer = new Uint8Array(startBytes);
  let filled = 0;
  for (;;) {
    // No entry is longer than a name and its head.
    if (buffer.length - filled < 512) {
      const larger = new Uint8Array(buffer.length * 2);
      larger.set(buffer);
      buffer = larger;
    }
    const got = trySyscall("getdents64", directory.raw, buffer.subarray(filled), buffer.length - filled);
    if (got === 0 || got === -errno.ENOENT) return buffer.slice(0, filled);
    if (got === -errno.EINTR) continue;
    if (got < 0) throw new SyscallError("getdents64", -got, directory.what);
    filled += got;
  }
}

function nameStarts(entries: Uint8Array): Uint32Array {
  const starts: number[] = [];
  for (let at = 0; at < entries.length; at += (entries[at + 16] ?? 0) | ((entries[at + 17] ?? 0) << 8)) {
    const name = at + nameAt;
    const dots =
      entries[name] !== 0x2e ? 0 : entries[name + 1] === 0 ? 1 : entries[name + 1] === 0x2e ? 2 : 0;
    if (dots === 0 || entries[name + dots] !== 0) starts.push(name);
  }
  return Uint32Array.from(starts);
}

/** Of the batch that is under way. */
const results = new Uint32Array((batch * statxBytes) / wordBytes);
const calls = new Uint32Array(batch * callWords * 2);

function statusOf(directory: OwnedFd, entries: Uint8Array, starts: Uint32Array, into: Uint32Array): void {
  const names = addressOf(entries);
  const buffers = addressOf(results);
  const outcome = (index: number): number => {
    if (machine === "x86_64") return (calls[(index * callWords + callWords - 1) * 2] ?? 0) | 0;
    const [name, buffer] = [names + (starts[index] ?? 0), buffers + index * statxBytes];
    return trySyscall("statx", directory.raw, name, atFlags.symlinkNoFollow, statxBasicStats, buffer);
  };
  if (machine === "x86_64") {
    calls.fill(0);
    for (let index = 0; index < starts.length; index += 1) {
      const at = index * callWords * 2;
      calls[at] = syscallNumber("statx");
      calls[at + 2] = directory.raw;
      setAddress(at + 4, names + (starts[index] ?? 0));
      calls[at + 6] = atFlags.symlinkNoFollow;
      calls[at + 8] = statxBasicStats;
      setAddress(at + 10, buffers + index * statxBytes);
    }
    performAll(calls, starts.length);
  }
  for (let index = 0; index < starts.length; index += 1) {
    let to = index * statusWords;
    const failed = outcome(index);
    const from = (index * statxBytes) / wordBytes;
    if (failed === 0) {
      for (const [first, end] of kept)
        for (let word = first; word < end; word += 1, to += 1) into[to] = results[from + word] ?? 0;
      // Above the mode is nothing that the kernel speaks of.
      into[index * statusWords + modeAt] = (into[index * statusWords + modeAt] ?? 0) & 0xffff;
    }
    into[index * statusWords + errnoAt] = -failed;
  }
}

function setAddress(at: number, address: number): void {
  calls[at] = address % high;
  calls[at + 1] = Math.floor(address / high);
}
