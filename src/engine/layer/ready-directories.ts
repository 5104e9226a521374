/**
 * Containers' directories made ahead of need, and those of ended containers made as good as new: where a container has left nothing
 * in its writable layer, a few empty directories cost less than deleting everything elsewhere and making it all again.
 *
 * What comes back gets a name of ours in one step, as deletion does with its trash; so a crash leaves a name that begins with a dot,
 * which no start of an engine keeps. The writable layer and overlayfs's own directory are made anew: nobody's attributes stay.
 */
import { recordBytes } from "../../abi/schema.ts";
import { listDirectory, removeTree } from "../../kernel/directory.ts";
import { makeDirectory, openFile, openFlags, removeFile } from "../../kernel/files.ts";
import { cString, SyscallError, syscall, trySyscall } from "../../kernel/syscall.ts";
import { messageOf } from "../../lib/errors.ts";
import { randomHex } from "../../lib/ids.ts";
import { after, type Timer } from "../../lib/timer.ts";
import { errno } from "../../linux/errno.ts";
import { atFlags } from "../../linux/open-flags.ts";
import type { Trash } from "./trash.ts";

const privateMode = 0o700;
const recordMode = 0o600;
const rootDirectoryMode = 0o755;
const nameDigits = 16;
/** More are not kept: each is a few blocks of the disk. */
const most = 16;
/** What overlayfs leaves of a mount that has ended; inner ones first. The file is there after one that did not sync. */
const workFile = "work/work/incompat/volatile/dirty";
const workDirectories = ["work/work/incompat/volatile", "work/work/incompat", "work/work", "work"];
const ownNames: ReadonlySet<string> = new Set(["logs", "record"]);
/** Of one container that wrote a few lines. */
const mostLogs = 4;
/** Whoever has ended a container has a reply to send first. */
const restMs = 5;
const nothing = new Uint8Array(recordBytes);

export interface ReadyDirectoriesOptions {
  /** Where they are made. */
  readonly parent: string;
  readonly trash: Trash;
  /** Hears of background work that failed. */
  readonly report: (thrown: unknown) => void;
}

export class ReadyDirectories {
  readonly #options: ReadyDirectoriesOptions;
  readonly #ready: string[] = [];
  /** Not looked at yet. */
  #returned: string[] = [];
  #wanted = 0;
  #refill: NodeJS.Immediate | undefined;
  #renewal: Timer | undefined;

  constructor(options: ReadyDirectoriesOptions) {
    this.#options = options;
  }

  /** Gives one the name `path`, making one where none is ready. */
  take(path: string): void {
    rename(this.#ready.pop() ?? this.#make(), path);
  }

  /** Takes the directory at `path` of a container that has ended: to be used again, or deleted. */
  takeBack(path: string): void {
    if (this.#ready.length + this.#returned.length >= most) {
      this.#options.trash.discard(path);
      return;
    }
    const returned = this.#newName();
    if (!renameIfPresent(path, returned)) return;
    this.#returned.push(returned);
    this.#renewal ??= after(restMs, () => this.renew());
  }

  /** Whether `path` is one of these. */
  has(path: string): boolean {
    return this.#ready.includes(path) || this.#returned.includes(path);
  }

  /** Makes directories until so many are ready, one each turn of the event loop. */
  warm(count: number): void {
    this.#wanted = count;
    if (this.#refill !== undefined || this.#ready.length + this.#returned.length >= count) return;
    this.#refill = setImmediate(() => {
      this.#refill = undefined;
      if (this.#ready.length >= this.#wanted) return;
      try {
        this.#ready.push(this.#make());
      } catch (thrown) {
        // A creation that finds none makes its own, and says why it cannot; the next call here tries again.
        this.#options.report(
          new Error(`cannot make a container's directory ahead of need: ${messageOf(thrown)}`, {
            cause: thrown,
          }),
        );
        return;
      }
      this.warm(this.#wanted);
    });
  }

  /** Looks at what came back: what is as good as new is ready from here on, all else is deleted. */
  renew(): void {
    this.#renewal?.cancel();
    this.#renewal = undefined;
    for (const path of this.#returned.splice(0)) {
      if (isRenewed(path)) this.#ready.push(path);
      else this.#options.trash.discard(path);
    }
  }

  /** They are taken away here, so that a stopped engine leaves no trash of its own. */
  close(): void {
    if (this.#refill !== undefined) clearImmediate(this.#refill);
    this.#refill = undefined;
    this.#wanted = 0;
    this.renew();
    for (const path of this.#ready.splice(0)) removeTree(path);
  }

  #newName(): string {
    return `${this.#options.parent}/.ready-${randomHex(nameDigits)}`;
  }

  #make(): string {
    const directory = this.#newName();
    makeDirectory(directory, privateMode);
    try {
      makeWritable(directory);
      makeDirectory(`${directory}/logs`, privateMode);
      clearRecord(directory, { flags: openFlags.create | openFlags.exclusive, mode: recordMode });
    } catch (thrown) {
      removeTree(directory);
      throw thrown;
    }
    return directory;
  }
}

function rename(from: string, to: string): void {
  syscall("renameat2", to, atFlags.fdcwd, cString(from), atFlags.fdcwd, cString(to), 0);
}

function renameIfPresent(from: string, to: string): boolean {
  const result = trySyscall("renameat2", atFlags.fdcwd, cString(from), atFlags.fdcwd, cString(to), 0);
  if (result === 0) return true;
  if (result === -errno.ENOENT) return false;
  throw new SyscallError("renameat2", -result, from);
}

/** The directories of the writable layer, as overlayfs wants them. */
function makeWritable(directory: string): void {
  const upper = `${directory}/upper`;
  makeDirectory(upper, rootDirectoryMode);
  // The mode of mkdir is subject to the process's umask; a root directory without 0755 locks users out.
  syscall("fchmodat", upper, atFlags.fdcwd, cString(upper), rootDirectoryMode);
  makeDirectory(`${directory}/work`, privateMode);
}

function clearRecord(directory: string, { flags, mode } = { flags: 0, mode: 0 }): void {
  const path = `${directory}/record`;
  using record = openFile(undefined, path, openFlags.writeOnly | flags, { mode });
  syscall("pwrite64", path, record.raw, nothing, nothing.length, 0);
}

/** Makes the directory of an ended container as good as new; false where more than nothing is left in it. */
function isRenewed(directory: string): boolean {
  try {
    if (!removeDirectory(`${directory}/upper`)) return false;
    // Most have only the last two.
    const isVolatile = removeFile(`${directory}/${workFile}`);
    for (const name of isVolatile ? workDirectories : workDirectories.slice(2))
      if (!removeDirectory(`${directory}/${name}`)) return false;
    const logs = namesIn(`${directory}/logs`);
    if (logs.length > mostLogs) return false;
    for (const name of logs) removeFile(`${directory}/logs/${name}`);
    removeFile(`${directory}/container.json`);
    if (!namesIn(directory).every((name) => ownNames.has(name))) return false;
    clearRecord(directory);
    makeWritable(directory);
    return true;
  } catch (thrown) {
    // No room, or somebody else's hand: it is deleted like any other.
    if (thrown instanceof SyscallError) return false;
    throw thrown;
  }
}

function namesIn(directory: string): string[] {
  using opened = openFile(undefined, directory, openFlags.readOnly | openFlags.directory);
  return listDirectory(opened, directory).map(({ name }) => name);
}

/** False where it is not empty. */
function removeDirectory(path: string): boolean {
  const result = trySyscall("unlinkat", atFlags.fdcwd, cString(path), atFlags.removeDirectory);
  return result === 0 || result === -errno.ENOENT;
}
