/**
 * Containers' directories made ahead of need, and those of ended containers made as good as new: where a container has left nothing
 * in its writable layer, a few empty directories cost less than deleting everything elsewhere and making it all again.
 *
 * What comes back gets a name of ours in one step, as deletion does with its trash; so a crash leaves a name that begins with a dot,
 * which no start of an engine keeps. The writable layer is made anew: nobody's attributes stay.
 *
 * Each is in a part of the disk of its own, and not for ever: an ext4 without a journal looks, for each file that it makes, at all
 * that were deleted in the same part in the last minutes, and each mount of an overlay makes and deletes seven.
 */
import { mkdir, rm, rmdir } from "node:fs/promises";
import { recordBytes } from "../../abi/schema.ts";
import { listDirectory, removeTree } from "../../kernel/directory.ts";
import { makeDirectory, openFile, openFlags, removeFile } from "../../kernel/files.ts";
import { spreadDirectories } from "../../kernel/spread.ts";
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
/** What overlayfs has left of a mount that has ended. */
const workOfKernel = "work/work";
const ownNames: ReadonlySet<string> = new Set(["logs", "record", "upper", "work"]);
/** Of one container that wrote a few lines. */
const mostLogs = 4;
/** One of so many that come back is deleted, for one elsewhere on the disk. A prime: in turns that would always be the same. */
const renewalsElsewhere = 31;
/** One after the other would fall behind clients that run one container after the other, and all of theirs be made and deleted. */
const renewedAtOnce = 4;
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
  readonly #returned: string[] = [];
  #renewals = 0;
  #wanted = 0;
  #refill: NodeJS.Immediate | undefined;
  #renewal: Timer | undefined;
  #renewing: Promise<void> | undefined;
  #closed = false;

  constructor(options: ReadyDirectoriesOptions) {
    this.#options = options;
    spreadDirectories(options.parent);
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
    this.#renewal ??= after(restMs, () => void this.renewed());
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
  async renewed(): Promise<void> {
    this.#renewal?.cancel();
    this.#renewal = undefined;
    this.#renewing ??= this.#renewAll().finally(() => {
      this.#renewing = undefined;
    });
    await this.#renewing;
  }

  async #renewAll(): Promise<void> {
    while (this.#returned.length > 0 && !this.#closed) {
      await Promise.all(this.#returned.slice(0, renewedAtOnce).map((path) => this.#renew(path)));
    }
  }

  async #renew(path: string): Promise<void> {
    this.#renewals += 1;
    const isNew = this.#renewals % renewalsElsewhere !== 0 && (await isRenewed(path));
    const at = this.#returned.indexOf(path);
    if (this.#closed || at < 0) return;
    this.#returned.splice(at, 1);
    if (isNew) this.#ready.push(path);
    else this.#discard(path);
  }

  /** They are taken away here, so that a stopped engine leaves no trash of its own. */
  close(): void {
    if (this.#refill !== undefined) clearImmediate(this.#refill);
    this.#refill = undefined;
    this.#renewal?.cancel();
    this.#wanted = 0;
    this.#closed = true;
    for (const path of [...this.#ready.splice(0), ...this.#returned.splice(0)]) removeTree(path);
  }

  /** What cannot be taken away now goes at the next start. */
  #discard(path: string): void {
    try {
      this.#options.trash.discard(path);
    } catch (thrown) {
      this.#options.report(new Error(`cannot delete ${path}: ${messageOf(thrown)}`, { cause: thrown }));
    }
  }

  #newName(): string {
    return `${this.#options.parent}/.ready-${randomHex(nameDigits)}`;
  }

  #make(): string {
    const directory = this.#newName();
    makeDirectory(directory, privateMode);
    try {
      makeDirectory(`${directory}/upper`, rootDirectoryMode);
      openToAll(`${directory}/upper`);
      makeDirectory(`${directory}/work`, privateMode);
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

/** The mode of mkdir is subject to the process's umask; a root directory without 0755 locks users out. */
function openToAll(upper: string): void {
  syscall("fchmodat", upper, atFlags.fdcwd, cString(upper), rootDirectoryMode);
}

function clearRecord(directory: string, { flags, mode } = { flags: 0, mode: 0 }): void {
  const path = `${directory}/record`;
  using record = openFile(undefined, path, openFlags.writeOnly | flags, { mode });
  syscall("pwrite64", path, record.raw, nothing, nothing.length, 0);
}

/**
 * Makes the directory of an ended container as good as new; false where more than nothing is left in it. What may wait for the disk
 * is done on another thread.
 */
async function isRenewed(directory: string): Promise<boolean> {
  const upper = `${directory}/upper`;
  try {
    await Promise.all([rmdir(upper), rm(`${directory}/${workOfKernel}`, { recursive: true, force: true })]);
    await mkdir(upper);
    openToAll(upper);
    if (namesIn(`${directory}/work`).length > 0) return false;
    const logs = namesIn(`${directory}/logs`);
    if (logs.length > mostLogs) return false;
    for (const name of logs) removeFile(`${directory}/logs/${name}`);
    removeFile(`${directory}/container.json`);
    if (!namesIn(directory).every((name) => ownNames.has(name))) return false;
    clearRecord(directory);
    return true;
  } catch {
    // Something is in it, there is no room, or somebody else has had a hand in it: it is deleted like any other.
    return false;
  }
}

function namesIn(directory: string): string[] {
  using opened = openFile(undefined, directory, openFlags.readOnly | openFlags.directory);
  return listDirectory(opened, directory).map(({ name }) => name);
}
