/**
 * A file system of a certain size in a file, for what must not grow beyond it. Made by the host's mke2fs; mounted through a loop
 * device, attached nowhere, gone with the last who uses it. A file has one device however often it is mounted: two would write
 * over each other.
 */
import { closeSync, ftruncateSync, openSync } from "node:fs";
import { mountAttributes } from "../linux/mount-flags.ts";
import { mountBlock } from "./block-mount.ts";
import { exists, openFile, openFlags } from "./files.ts";
import { attachLoopDevice, findLoopDevice } from "./loop-device.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { reapChild } from "./pidfd.ts";
import { spawn } from "./spawn.ts";

const programs = ["/sbin", "/usr/sbin", "/usr/local/sbin", "/bin", "/usr/bin"].map(
  (path) => `${path}/mke2fs`,
);
const mebibyte = 1024 * 1024;
const blockBytes = 4096;
const bytesPerInode = 16_384;
const inodeBytes = 256;
const journalMebibytes = 4;
/** The journal, the groups' own blocks, and the least that has room for a journal at all. */
const fixedBytes = 6 * mebibyte;
const leastBytes = 9 * mebibyte;
/** ext4 keeps a fiftieth back for its own, but no more than this. */
const keptShare = 49;
const mostKeptBytes = 16 * mebibyte;

/** How large the file must be for so many bytes to be written in it. */
function fileBytes(sizeBytes: number): number {
  const inodes = Math.ceil(sizeBytes / bytesPerInode) * inodeBytes;
  const kept = Math.min(Math.ceil(sizeBytes / keptShare), mostKeptBytes);
  const total = Math.max(sizeBytes + inodes + kept + fixedBytes, leastBytes);
  return Math.ceil(total / blockBytes) * blockBytes;
}

/** The program that makes file systems; undefined where the host has none. */
export function fileSystemMaker(): string | undefined {
  return programs.find((path) => exists(path));
}

export interface StartedMaking {
  /** How it has ended; undefined while it runs. */
  ended(): Exclude<ReturnType<typeof reapChild>, "running"> | undefined;
}

/** Makes a new file at `path` in which `sizeBytes` can be stored, and begins to make the file system in it. Throws what the host refuses. */
export function startMaking(program: string, path: string, sizeBytes: number): StartedMaking {
  const file = openSync(path, "wx", 0o600);
  try {
    ftruncateSync(file, fileBytes(sizeBytes));
  } finally {
    closeSync(file);
  }
  const features = [
    "-t",
    "ext4",
    "-b",
    String(blockBytes),
    "-i",
    String(bytesPerInode),
    "-I",
    String(inodeBytes),
  ];
  const journal = ["-m", "0", "-J", `size=${journalMebibytes}`];
  // A new file is zeros already.
  const lazily = ["-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1"];
  const pid = spawn({
    executable: program,
    argv: ["mke2fs", "-q", "-F", ...features, ...journal, ...lazily, path],
    env: ["LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
    cwd: "/",
  });
  return {
    ended() {
      const outcome = reapChild(pid);
      return outcome === "running" ? undefined : outcome;
    },
  };
}

/** The root of the file system in the file `path`. Throws `SyscallError`. */
export function mountSized(path: string): OwnedFd {
  using file = openFile(undefined, path, openFlags.readWrite);
  using device = findLoopDevice(file) ?? attachLoopDevice(file, "writable");
  return mountBlock({
    type: "ext4",
    source: device.what,
    // What is freed in it is given back to the host; nothing is written ahead of need.
    flags: ["discard", "noinit_itable"],
    attributes: mountAttributes.noDevices,
    what: `file system in ${path}`,
  });
}
