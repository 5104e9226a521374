/**
 * A directory of ours that is made equal to a client's. What is there already with the same size, time, mode and owner stays and
 * is not asked for; what the client has no more goes. Every name is made below an open directory that no link led to, and
 * a file gets its time when all of it is there, so what was cut short is asked for again.
 */
import { decodeGoMode, type FileReceiver, type FileStat, type GoMode } from "../../buildkit/mod.ts";
import { type FileStatus, fileStatus, listDirectory } from "../../kernel/directory.ts";
import { attributeNames } from "../../kernel/extended-attributes.ts";
import { makeDirectory, openFile, openFlags, readLinkOf } from "../../kernel/files.ts";
import { writeAll } from "../../kernel/io.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import {
  changeMode,
  changeOwner,
  changeTime,
  createFile,
  createHardLink,
  createSpecial,
  createSymlink,
  removeEntry,
  setAttribute,
} from "../../kernel/tree-writer.ts";
import { TiffinError } from "../../lib/errors.ts";
import { shownName } from "../../lib/shown-name.ts";
import { resolveFlags } from "../../linux/open-flags.ts";

const privateMode = 0o700;
const limitAttributes = 64;
/** Attributes that a program of an image may need; the others belong to the client's machine. */
const carriedAttribute = /^(user\.|security\.capability$)/;

interface Incoming {
  readonly stat: FileStat;
  /** It is written over: to take files away and make others costs some file systems a search each time. */
  readonly over: boolean;
  file: OwnedFd | undefined;
}

export class SyncedDirectory implements FileReceiver, Disposable {
  readonly #root: OwnedFd;
  readonly #limitBytes: number;
  #bytes = 0;
  #changed = 0;
  #totalBytes = 0;
  /** Names that the client has, by directory. */
  readonly #seen = new Map<string, Set<string>>([["", new Set()]]);
  readonly #directories = new Map<string, FileStat>();
  readonly #incoming = new Map<string, Incoming>();
  #parent: { readonly path: string; readonly fd: OwnedFd } | undefined;

  /** @param root An O_PATH descriptor, which stays the caller's. @param limitBytes What may be received at most. */
  constructor(root: OwnedFd, limitBytes: number) {
    this.#root = root;
    this.#limitBytes = limitBytes;
  }

  /** How many bytes came, and how many entries are other than before. */
  get received(): { readonly bytes: number; readonly changed: number } {
    return { bytes: this.#bytes, changed: this.#changed };
  }

  /** What all files have that the client told of, each counted once. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  entry(path: string, stat: FileStat): boolean {
    const { directory, name } = split(path);
    const seen = this.#seen.get(directory);
    if (seen === undefined) throw failed(path, "its directory is not there");
    const go = decodeGoMode(stat.mode);
    // A socket means nothing without the program behind it.
    if (go.type === "socket") return false;
    seen.add(name);
    if (go.type === "directory") this.#seen.set(path, new Set());
    if (go.type === "file" && stat.linkName === "") this.#totalBytes += Math.max(0, stat.size);
    return this.#attempt(path, () => this.#place(path, stat, go));
  }

  content(path: string, piece: Uint8Array): void {
    this.#bytes += piece.length;
    if (this.#bytes > this.#limitBytes) {
      throw new TiffinError(
        "invalid",
        "buildkit.context-too-large",
        `the context has more than ${this.#limitBytes} bytes`,
        { remedy: "leave out what the build does not need with a .dockerignore" },
      );
    }
    this.#attempt(path, () => writeAll(this.#fileOf(path), piece));
  }

  endOfFile(path: string): void {
    this.#attempt(path, () => {
      this.#fileOf(path);
      const incoming = this.#incoming.get(path);
      incoming?.file?.[Symbol.dispose]();
      this.#incoming.delete(path);
      if (incoming !== undefined) this.#dress(path, incoming.stat);
    });
  }

  /** Takes away what the client does not have, and gives directories their times. */
  finish(): void {
    for (const [directory, names] of this.#seen) {
      this.#attempt(directory, () => {
        using list = this.#open(directory, openFlags.readOnly | openFlags.directory);
        for (const { name } of listDirectory(list, directory)) {
          if (names.has(name)) continue;
          this.#changed += 1;
          removeEntry(list, name);
        }
      });
    }
    // What is below comes after, in the order of the walk.
    for (const [path, stat] of [...this.#directories].reverse()) {
      this.#attempt(path, () => {
        const { directory, name } = split(path);
        changeTime(this.#parentOf(directory), name, stat.modifiedAtNs);
      });
    }
  }

  [Symbol.dispose](): void {
    for (const { file } of this.#incoming.values()) file?.[Symbol.dispose]();
    this.#incoming.clear();
    this.#parent?.fd[Symbol.dispose]();
    this.#parent = undefined;
  }

  #place(path: string, stat: FileStat, go: GoMode): boolean {
    const { directory, name } = split(path);
    const parent = this.#parentOf(directory);
    const there = fileStatus(name, parent);
    if (go.type === "directory") {
      if (there?.type !== "directory") {
        if (there !== undefined) removeEntry(parent, name);
        makeDirectory(name, privateMode, parent);
        this.#changed += 1;
      }
      if (there?.type !== "directory" || !sameAttributes(there, stat, go)) this.#dress(path, stat);
      this.#directories.set(path, stat);
      return false;
    }
    if (there !== undefined && isUnchanged(there, stat, go, () => linkTarget(parent, name))) return false;
    this.#changed += 1;
    if (go.type === "file" && stat.linkName === "") {
      const over = there?.type === "file" && there.links === 1;
      if (!over) this.#takeAway(parent, name, there);
      this.#incoming.set(path, { stat, over, file: undefined });
      return true;
    }
    this.#takeAway(parent, name, there);
    this.#make(path, stat, go);
    return false;
  }

  #takeAway(parent: OwnedFd, name: string, there: FileStatus | undefined): void {
    if (there === undefined) return;
    removeEntry(parent, name);
    if (there.type === "directory") this.#forgetParent();
  }

  /** What has no content. */
  #make(path: string, stat: FileStat, go: GoMode): void {
    const { directory, name } = split(path);
    const parent = this.#parentOf(directory);
    if (go.type === "file") {
      this.#link(stat, parent, name);
      return;
    }
    if (go.type === "symlink") createSymlink(parent, name, stat.linkName);
    else if (go.type === "fifo" || go.type === "character" || go.type === "block") {
      createSpecial(parent, name, go.type, { major: stat.deviceMajor, minor: stat.deviceMinor });
    } else throw failed(path, "it is no kind of file that is known here");
    this.#dress(path, stat);
  }

  /** A further name of a file that came before; what has not come yet is made to have something to link to. */
  #link({ linkName }: FileStat, parent: OwnedFd, name: string): void {
    const existing = split(linkName.replace(/^\/+/, ""));
    if (!(this.#seen.get(existing.directory)?.has(existing.name) ?? false)) {
      throw failed(linkName, "a hard link leads to what is not there");
    }
    const target = `${existing.directory === "" ? "" : `${existing.directory}/`}${existing.name}`;
    if (this.#incoming.has(target)) this.#fileOf(target);
    using from = this.#open(existing.directory, openFlags.path | openFlags.directory);
    if (fileStatus(existing.name, from)?.type !== "file")
      throw failed(linkName, "a hard link to what is no file");
    createHardLink(from, existing.name, parent, name);
  }

  /** Owner, mode, attributes and time of what is complete. */
  #dress(path: string, stat: FileStat): void {
    const { directory, name } = split(path);
    const parent = this.#parentOf(directory);
    const { type, mode } = decodeGoMode(stat.mode);
    changeOwner(parent, name, stat);
    if (type !== "symlink") {
      changeMode(parent, name, mode);
      if (stat.attributes.size > limitAttributes) throw failed(path, "it has too many attributes");
      for (const [attribute, value] of stat.attributes) {
        if (carriedAttribute.test(attribute)) setAttribute(parent, name, attribute, value);
      }
    }
    if (type !== "directory") changeTime(parent, name, stat.modifiedAtNs);
  }

  /** The file that receives the content of `path`, made when its first piece comes. */
  #fileOf(path: string): OwnedFd {
    const incoming = this.#incoming.get(path);
    if (incoming === undefined) throw failed(path, "nobody asked for its content");
    if (incoming.file === undefined) {
      const { directory, name } = split(path);
      const parent = this.#parentOf(directory);
      incoming.file = incoming.over ? openOver(parent, name) : createFile(parent, name);
    }
    return incoming.file;
  }

  #parentOf(directory: string): OwnedFd {
    if (directory === "") return this.#root;
    if (this.#parent?.path === directory) return this.#parent.fd;
    const fd = this.#open(directory, openFlags.path | openFlags.directory);
    this.#forgetParent();
    this.#parent = { path: directory, fd };
    return fd;
  }

  #forgetParent(): void {
    this.#parent?.fd[Symbol.dispose]();
    this.#parent = undefined;
  }

  #open(directory: string, flags: number): OwnedFd {
    const resolve = resolveFlags.beneath | resolveFlags.noSymlinks;
    return openFile(this.#root, directory === "" ? "." : directory, flags, { resolve });
  }

  #attempt<T>(path: string, work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      if (!(thrown instanceof SyscallError)) throw thrown;
      throw failed(path, thrown.message, thrown);
    }
  }
}

function split(path: string): { readonly directory: string; readonly name: string } {
  const slash = path.lastIndexOf("/");
  return { directory: slash === -1 ? "" : path.slice(0, slash), name: path.slice(slash + 1) };
}

function failed(path: string, why: string, cause?: unknown): TiffinError {
  return new TiffinError(
    "invalid",
    "buildkit.context",
    `cannot receive ${shownName(path)} of the context: ${why}`,
    { cause },
  );
}

function openOver(parent: OwnedFd, name: string): OwnedFd {
  const flags = openFlags.writeOnly | openFlags.noFollow | openFlags.truncate;
  const file = openFile(parent, name, flags, { resolve: resolveFlags.beneath });
  if (attributeNames(file).length === 0) return file;
  // They would stay.
  file[Symbol.dispose]();
  removeEntry(parent, name);
  return createFile(parent, name);
}

function linkTarget(parent: OwnedFd, name: string): string {
  using link = openFile(parent, name, openFlags.path | openFlags.noFollow, { resolve: resolveFlags.beneath });
  return readLinkOf(link);
}

function sameAttributes(there: FileStatus, stat: FileStat, { mode }: GoMode): boolean {
  return there.mode === mode && there.uid === stat.uid && there.gid === stat.gid;
}

function isUnchanged(there: FileStatus, stat: FileStat, go: GoMode, target: () => string): boolean {
  if (there.type !== go.type || there.modifiedAtNs !== stat.modifiedAtNs) return false;
  if (there.uid !== stat.uid || there.gid !== stat.gid) return false;
  if (go.type === "symlink") return target() === stat.linkName;
  if (there.mode !== go.mode) return false;
  // Names of one file are made anew: which of them belong together may have changed.
  if (go.type === "file") return there.sizeBytes === stat.size && there.links === 1 && stat.linkName === "";
  return (
    go.type === "fifo" || (there.specialMajor === stat.deviceMajor && there.specialMinor === stat.deviceMinor)
  );
}
