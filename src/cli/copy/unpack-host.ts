/**
 * A tar stream onto this machine. What is in it comes out of a container and is not trusted: nothing is written outside of the
 * directory that was asked for, neither by `..` nor through a symbolic link, whether the archive has brought that or not.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  type Stats,
  symlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { type TarEntry, TarReader, type TarSink } from "../../archive/mod.ts";
import { KeptModes } from "../../lib/kept-modes.ts";

const newFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const permissions = 0o777;
const writable = 0o700;

export interface UnpackOptions {
  /** It exists. */
  readonly directory: string;
  /** The first name of the archive (`.` where it has none), and what it becomes; undefined takes it away. */
  readonly rename: { readonly from: string; readonly to: string | undefined };
  readonly onBytes: (bytes: number) => void;
}

interface Parent {
  /** In the archive. */
  readonly called: string;
  readonly path: string;
  readonly keptModes: KeptModes;
}

export class HostUnpacking implements TarSink {
  readonly #options: UnpackOptions;
  readonly #reader = new TarReader(this);
  /** Modes and times of directories, given when nothing more is made in them. */
  readonly #directories = new Map<string, TarEntry>();
  /** Where the last member went, for members of one directory usually follow one another. */
  #parent: Parent | undefined;
  /** Where in the open file the next bytes belong. */
  #position = 0;
  #open: { readonly fd: number; readonly path: string; readonly entry: TarEntry } | undefined;

  constructor(options: UnpackOptions) {
    this.#options = options;
  }

  push(piece: Uint8Array): void {
    this.#reader.push(piece);
  }

  /** The archive is complete. */
  finish(): void {
    this.#reader.end();
    for (const [path, entry] of [...this.#directories].reverse()) {
      chmodSync(path, entry.mode);
      utimesSync(path, secondsOf(entry), secondsOf(entry));
    }
  }

  entry(entry: TarEntry): void {
    const path = this.#placeOf(entry.path);
    if (path === undefined) return;
    // As a rule nothing is there.
    if (entry.type === "file" && this.#createFile(entry, path)) return;
    const found = statOf(path);
    if (entry.type === "directory") {
      if (found !== undefined && !found.isDirectory()) {
        throw new Error(
          `cannot overwrite non-directory ${JSON.stringify(path)} with directory ${JSON.stringify(entry.path)}`,
        );
      }
      if (found === undefined) mkdirSync(path, { mode: writable });
      else chmodSync(path, found.mode | writable);
      this.#directories.set(path, entry);
      return;
    }
    if (found?.isDirectory() === true) {
      throw new Error(
        `cannot overwrite directory ${JSON.stringify(path)} with non-directory ${JSON.stringify(entry.path)}`,
      );
    }
    if (found !== undefined) rmSync(path);
    this.#make(entry, path);
  }

  content(piece: Uint8Array): void {
    this.#options.onBytes(piece.length);
    if (this.#open === undefined) return;
    for (let done = 0; done < piece.length; ) {
      const written = writeSync(this.#open.fd, piece, done, piece.length - done, this.#position);
      this.#position += written;
      done += written;
    }
  }

  hole(bytes: number): void {
    if (this.#open === undefined) return;
    this.#position += bytes;
    ftruncateSync(this.#open.fd, this.#position);
  }

  endOfEntry(): void {
    if (this.#open === undefined) return;
    const { fd, entry } = this.#open;
    this.#open = undefined;
    try {
      if (!this.#hasMode(fd, entry.mode)) fchmodSync(fd, entry.mode);
      futimesSync(fd, secondsOf(entry), secondsOf(entry));
    } finally {
      closeSync(fd);
    }
  }

  /** Whether the file has it since it was made. */
  #hasMode(fd: number, mode: number): boolean {
    const kept = this.#parent?.keptModes;
    if (kept === undefined || (mode & ~permissions) !== 0) return false;
    if (!kept.covers(mode)) kept.learn(mode, fstatSync(fd).mode & permissions);
    return kept.covers(mode);
  }

  /** False when the name is taken. */
  #createFile(entry: TarEntry, path: string): boolean {
    try {
      const fd = openSync(path, newFile, entry.mode & permissions);
      this.#open = { fd, path, entry };
    } catch (thrown) {
      if (thrown instanceof Error && "code" in thrown && thrown.code === "EEXIST") return false;
      throw thrown;
    }
    this.#position = 0;
    return true;
  }

  #make(entry: TarEntry, path: string): void {
    switch (entry.type) {
      case "file":
        if (!this.#createFile(entry, path)) throw new Error(`${JSON.stringify(path)} has come in between`);
        return;
      case "symlink":
        symlinkSync(entry.linkTarget, path);
        lutimesSync(path, secondsOf(entry), secondsOf(entry));
        return;
      case "hardLink": {
        const target = this.#placeOf(entry.linkTarget);
        if (target === undefined || statOf(target)?.isFile() !== true) {
          throw new Error(
            `${JSON.stringify(entry.path)} is a hard link to ${JSON.stringify(entry.linkTarget)}, which is no file of the copy`,
          );
        }
        linkSync(target, path);
        return;
      }
      default:
        throw new Error(
          `cannot copy ${JSON.stringify(entry.path)}: it is a ${entry.type === "fifo" ? "named pipe" : "device"}`,
        );
    }
  }

  /** Where a member goes; undefined for the directory that stays what it is. Throws when it would lead anywhere else. */
  #placeOf(path: string): string | undefined {
    const slash = path.lastIndexOf("/");
    const name = path.slice(slash + 1);
    // Of what stands at the top nothing is kept.
    const called = slash > 0 && !["", ".", ".."].includes(name) ? path.slice(0, slash) : undefined;
    const parent = this.#parent;
    if (called !== undefined && parent?.called === called) return `${parent.path}/${name}`;
    this.#parent = undefined;
    const { directory, rename } = this.#options;
    const names = path.split("/").filter((name) => name !== "" && name !== ".");
    if (names.includes("..")) throw outside(path);
    const instead = rename.to === undefined ? [] : [rename.to];
    // What is in a directory comes without a name for the directory.
    if (rename.from === ".") names.unshift(...instead);
    else if (names[0] === rename.from) names.splice(0, 1, ...instead);
    if (names.length === 0) return undefined;
    let at = directory;
    for (const name of names.slice(0, -1)) {
      at = `${at}/${name}`;
      const found = statOf(at);
      if (found === undefined) mkdirSync(at);
      else if (!found.isDirectory()) throw outside(path);
    }
    // The first name of all may be called otherwise.
    if (called !== undefined) this.#parent = { called, path: at, keptModes: new KeptModes() };
    return `${at}/${names.at(-1)}`;
  }
}

function outside(path: string): Error {
  return new Error(`the archive's member ${JSON.stringify(path)} would lead out of the destination`);
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function secondsOf({ modifiedAtNs }: TarEntry): number {
  return Number(modifiedAtNs) / 1e9;
}
