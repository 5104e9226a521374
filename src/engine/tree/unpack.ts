/**
 * Unpacks a tar stream into a directory, as its bytes come: into a container's file system, or into a new layer. Paths are
 * resolved from the root by the kernel, entries are made by one name below an open directory; so neither the archive nor
 * a container can lead anything out.
 */
import { countedBytes, escapes, insidePath, isCarried, type TarEntry, TarReader } from "../../archive/mod.ts";
import { descriptorStatus, fileStatus } from "../../kernel/directory.ts";
import { makeDirectory, openFlags, openInRoot } from "../../kernel/files.ts";
import { passOver, writeAll } from "../../kernel/io.ts";
import { isWhiteout, makeOpaque } from "../../kernel/overlay-marks.ts";
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
  makeDirectories,
  type Owner,
  ownFile,
  removeEntry,
  setAttribute,
  timeFile,
  tryCreateFile,
} from "../../kernel/tree-writer.ts";
import { Breather } from "../../lib/breather.ts";
import { TiffinError } from "../../lib/errors.ts";
import { KeptModes } from "../../lib/kept-modes.ts";
import { shownName } from "../../lib/shown-name.ts";

const madeDirectoryMode = 0o755;
const permissions = 0o777;
const whiteoutPrefix = ".wh.";
const opaqueWhiteout = ".wh..wh..opq";
/** An access list that what is made in a directory gets. acl(5) */
const defaultList = "system.posix_acl_default";

export interface UnpackOptions {
  /** What paths cannot leave: the container's root, or the layer's. */
  readonly root: OwnedFd;
  /** Absolute path of an existing directory inside it. */
  readonly directory: string;
  /** A directory is not replaced by something else, nor the reverse. */
  readonly keepTypes: boolean;
  /** Everything belongs to this user instead of to whom the archive says. */
  readonly owner: Owner | undefined;
  /** Added to every id of the archive: where the container's ids begin on the host. */
  readonly firstHostId: number;
  /** Names that begin with `.wh.` take away, as in an image's layer, and become overlayfs's own marks. */
  readonly whiteouts: boolean;
  /** Hears the archive without the content of its members (`TarSink`). */
  readonly skeleton?: (piece: Uint8Array) => void;
  /** To how many bytes the holes of sparse files may add up. */
  readonly limitHoleBytes?: number;
}

/** Other work may run after this many bytes, which may be many files; and after so many of one file. */
const sliceBytes = 64 * 1024;
const fileSliceBytes = 512 * 1024;

/** Unpacks the whole of `source`. Throws `archive.*` and what `source` throws. */
export async function unpack(source: AsyncIterable<Uint8Array>, options: UnpackOptions): Promise<void> {
  using unpacking = new Unpacking(options);
  const breather = new Breather();
  for await (const piece of source) {
    for (let at = 0; at < piece.length; ) {
      const bytes = Math.max(sliceBytes, Math.min(unpacking.contentBytes, fileSliceBytes));
      unpacking.push(piece.subarray(at, at + bytes));
      at += bytes;
      await breather.breathe();
    }
  }
  unpacking.finish();
}

/** The same by hand: bytes go in until `finish`. */
export class Unpacking implements Disposable {
  readonly #target: UnpackTarget;
  readonly #reader: TarReader;

  constructor(options: UnpackOptions) {
    this.#target = new UnpackTarget(options);
    this.#reader = new TarReader(this.#target, options.limitHoleBytes);
  }

  /** Bytes of all files so far. */
  get fileBytes(): number {
    return this.#target.fileBytes;
  }

  /** So many of the next bytes belong to one file. */
  get contentBytes(): number {
    return this.#reader.contentBytes;
  }

  push(piece: Uint8Array): void {
    this.#reader.push(piece);
  }

  /** There is no more. Throws when the archive is cut short. */
  finish(): void {
    this.#reader.end();
    this.#target.finish();
  }

  [Symbol.dispose](): void {
    this.#target[Symbol.dispose]();
  }
}

interface Parent {
  readonly path: string;
  readonly fd: OwnedFd;
  readonly keptModes: KeptModes;
  /** Whose a new file in it is; undefined until one was made. */
  owner: Owner | undefined;
}

interface Current {
  readonly entry: TarEntry;
  readonly name: string;
  readonly file: OwnedFd;
  /** The mode that it was made with, if that is the one it is to have and `#parent` the directory that it is in. */
  readonly madeWith: number | undefined;
}

class UnpackTarget implements Disposable {
  readonly skeleton: ((piece: Uint8Array) => void) | undefined;
  readonly #options: UnpackOptions;
  /** Members of one directory usually follow one another. */
  #parent: Parent | undefined;
  #current: Current | undefined;
  /** Directories get their times last, for what is made in them changes them, and what they would hand down to it. */
  readonly #directories = new Map<string, TarEntry>();
  fileBytes = 0;

  constructor(options: UnpackOptions) {
    this.#options = options;
    this.skeleton = options.skeleton;
  }

  entry(entry: TarEntry): void {
    const path = insidePath(entry.path);
    if (path === "") {
      if (entry.type !== "directory") throw escapes(entry.path);
      this.#attributes(this.#parentOf("."), ".", entry);
      this.#directories.set(".", entry);
      return;
    }
    const slash = path.lastIndexOf("/");
    const name = path.slice(slash + 1);
    this.fileBytes += countedBytes(entry);
    try {
      if (this.#options.whiteouts && name.startsWith(whiteoutPrefix)) {
        this.#takeAway(this.#parentOf(slash === -1 ? "." : path.slice(0, slash)), name);
        return;
      }
      this.#make(entry, path, slash === -1 ? "." : path.slice(0, slash), name);
    } catch (thrown) {
      throw failedAt(thrown, entry.path);
    }
  }

  content(piece: Uint8Array): void {
    const current = this.#current;
    // What a whiteout holds means nothing.
    if (current === undefined) return;
    try {
      writeAll(current.file, piece);
    } catch (thrown) {
      throw failedAt(thrown, current.entry.path);
    }
  }

  hole(bytes: number): void {
    const current = this.#current;
    if (current === undefined) return;
    try {
      passOver(current.file, bytes);
    } catch (thrown) {
      throw failedAt(thrown, current.entry.path);
    }
  }

  endOfEntry(): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    using file = current.file;
    const { entry } = current;
    if (entry.attributes.size === 0) {
      try {
        this.#own(file, entry, current.madeWith);
        timeFile(file, entry.modifiedAtNs);
      } catch (thrown) {
        throw failedAt(thrown, entry.path);
      }
      return;
    }
    // Owner, mode and times last: writing clears set-id bits and changes times.
    const slash = insidePath(current.entry.path).lastIndexOf("/");
    const parent = this.#parentOf(slash === -1 ? "." : insidePath(current.entry.path).slice(0, slash));
    try {
      this.#attributes(parent, current.name, current.entry);
      changeTime(parent, current.name, current.entry.modifiedAtNs);
    } catch (thrown) {
      throw failedAt(thrown, current.entry.path);
    }
  }

  /** Directories get the times that they had in the archive. */
  finish(): void {
    for (const [path, entry] of this.#directories) {
      const slash = path.lastIndexOf("/");
      const name = path.slice(slash + 1);
      try {
        const parent = this.#parentOf(slash === -1 ? "." : path.slice(0, slash));
        // The archive itself may have replaced it meanwhile, or the container removed it.
        if (fileStatus(name, parent)?.type !== "directory") continue;
        const list = this.#takes(defaultList, entry) ? entry.attributes.get(defaultList) : undefined;
        if (list !== undefined) setAttribute(parent, name, defaultList, list);
        changeTime(parent, name, entry.modifiedAtNs);
      } catch (thrown) {
        if (!(thrown instanceof SyscallError) || !["ENOENT", "ENOTDIR"].includes(thrown.code)) {
          throw failedAt(thrown, path);
        }
      }
    }
  }

  [Symbol.dispose](): void {
    this.#current?.file[Symbol.dispose]();
    this.#parent?.fd[Symbol.dispose]();
  }

  /** The mark of an image's layer, in overlayfs's words. (OCI image specification, layer.md, "Whiteouts") */
  #takeAway(parent: OwnedFd, name: string): void {
    if (name === opaqueWhiteout) {
      makeOpaque(parent, ".");
      return;
    }
    const gone = name.slice(whiteoutPrefix.length);
    // Further names of this kind are notes of an old storage driver.
    if (gone === "" || gone.startsWith(whiteoutPrefix)) return;
    const there = fileStatus(gone, parent);
    // A mark speaks of lower layers only: what this layer has under the name stays, on whatever side of the mark it stands.
    if (there === undefined) createSpecial(parent, gone, "character", { major: 0, minor: 0 });
    else if (there.type === "directory") makeOpaque(parent, gone);
  }

  #make(entry: TarEntry, path: string, parentPath: string, name: string): void {
    const parent = this.#parentOf(parentPath);
    // As a rule nothing is there.
    if (entry.type === "file") {
      const madeWith = this.#modeAtOnce(entry);
      const file = tryCreateFile(parent, name, madeWith);
      if (file !== undefined) {
        this.#current = { entry, name, file, madeWith };
        return;
      }
    }
    const there = fileStatus(name, parent);
    if (there !== undefined) {
      const isDirectory = there.type === "directory";
      if (isDirectory && entry.type === "directory") {
        this.#attributes(parent, name, entry);
        this.#directories.set(path, entry);
        return;
      }
      this.#refuseOtherType(isDirectory, entry);
      // To unlink what is mounted on takes the mount away where the container has it, after it was emptied.
      if (there.isMountPoint) throw covered(entry.path);
      removeEntry(parent, name);
      // Something below may have been the remembered directory.
      if (isDirectory) this.#forgetParent();
    }
    this.#create(entry, path, there === undefined ? parent : this.#parentOf(parentPath), name);
    if (there !== undefined && this.#options.whiteouts && entry.type === "directory" && isWhiteout(there)) {
      makeOpaque(this.#parentOf(parentPath), name);
    }
  }

  #create(entry: TarEntry, path: string, parent: OwnedFd, name: string): void {
    switch (entry.type) {
      case "file":
        this.#current = { entry, name, file: createFile(parent, name), madeWith: undefined };
        return;
      case "directory":
        makeDirectory(name, entry.mode, parent);
        this.#directories.set(path, entry);
        break;
      case "symlink":
        createSymlink(parent, name, entry.linkTarget);
        break;
      case "hardLink":
        this.#link(entry, parent, name);
        return;
      case "character":
      case "block":
      case "fifo":
        createSpecial(parent, name, entry.type, { major: entry.deviceMajor, minor: entry.deviceMinor });
        break;
    }
    this.#attributes(parent, name, entry);
    if (entry.type !== "directory") changeTime(parent, name, entry.modifiedAtNs);
  }

  /** The mode to make a file with: its own, unless it may be somebody else's first or is to have more than permissions. */
  #modeAtOnce(entry: TarEntry): number | undefined {
    const made = this.#parent?.owner;
    if (made === undefined || (entry.mode & ~permissions) !== 0) return undefined;
    return isSame(made, this.#ownerOf(entry)) ? entry.mode : undefined;
  }

  /** Gives it to its owner, with its mode, if it was not made so. */
  #own(file: OwnedFd, entry: TarEntry, madeWith: number | undefined): void {
    const owner = this.#ownerOf(entry);
    const parent = this.#parent;
    if (parent !== undefined) {
      const isKnown = madeWith === undefined || parent.keptModes.covers(madeWith);
      if (parent.owner === undefined || !isKnown) {
        const made = descriptorStatus(file);
        parent.owner = { uid: made.uid, gid: made.gid };
        if (madeWith !== undefined) parent.keptModes.learn(madeWith, made.mode);
      }
      const hasMode = madeWith !== undefined && parent.keptModes.covers(madeWith);
      if (hasMode && isSame(parent.owner, owner)) return;
    }
    ownFile(file, owner, entry.mode);
  }

  /** Both names lie inside of the directory that is unpacked into. */
  #link(entry: TarEntry, parent: OwnedFd, name: string): void {
    const existing = insidePath(entry.linkTarget);
    if (existing === "") throw escapes(entry.linkTarget);
    const slash = existing.lastIndexOf("/");
    const { root, directory } = this.#options;
    using from = makeDirectories(root, `${directory}/${slash === -1 ? "" : existing.slice(0, slash)}`);
    if (fileStatus(existing.slice(slash + 1), from)?.type === "directory") {
      const text = `cannot unpack ${shownName(entry.path)}: a hard link to a directory`;
      throw new TiffinError("invalid", "archive.unpack-failed", text);
    }
    createHardLink(from, existing.slice(slash + 1), parent, name);
  }

  #attributes(parent: OwnedFd, name: string, entry: TarEntry): void {
    changeOwner(parent, name, this.#ownerOf(entry));
    if (entry.type !== "symlink") changeMode(parent, name, entry.mode);
    for (const [attribute, value] of entry.attributes) {
      if (attribute !== defaultList && this.#takes(attribute, entry))
        setAttribute(parent, name, attribute, value);
    }
  }

  /** A client that copies something into a container sets no attributes that its programs cannot see; access lists name users of the host. */
  #takes(attribute: string, { type }: TarEntry): boolean {
    const { whiteouts, firstHostId } = this.#options;
    if (!isCarried(attribute, type)) return false;
    if (whiteouts) return true;
    return attribute.startsWith("system.") ? firstHostId === 0 : !attribute.startsWith("trusted.");
  }

  #ownerOf(entry: TarEntry): Owner {
    const { owner, firstHostId } = this.#options;
    return { uid: (owner?.uid ?? entry.uid) + firstHostId, gid: (owner?.gid ?? entry.gid) + firstHostId };
  }

  #refuseOtherType(isDirectory: boolean, entry: TarEntry): void {
    if (!this.#options.keepTypes || isDirectory === (entry.type === "directory")) return;
    const [what, by] = isDirectory ? ["directory", "non-directory"] : ["non-directory", "directory"];
    throw new TiffinError(
      "invalid",
      "archive.other-type",
      `cannot overwrite ${what} ${shownName(entry.path)} with ${by}`,
    );
  }

  /** The directory `path` below the one that is unpacked into. */
  #parentOf(path: string): OwnedFd {
    if (this.#parent?.path === path) return this.#parent.fd;
    this.#forgetParent();
    const { root, directory, owner, firstHostId, whiteouts } = this.#options;
    const made = { uid: (owner?.uid ?? 0) + firstHostId, gid: (owner?.gid ?? 0) + firstHostId };
    const make = (): OwnedFd => makeDirectories(root, `${directory}/${path}`, made);
    let fd: OwnedFd;
    try {
      fd = make();
    } catch (thrown) {
      const inTheWay = whiteouts && thrown instanceof SyscallError && thrown.code === "ENOTDIR";
      if (!inTheWay || !this.#replaceWhiteout(path)) throw thrown;
      fd = make();
    }
    this.#parent = { path, fd, keptModes: new KeptModes(), owner: undefined };
    return fd;
  }

  /** What this layer has below a name that it takes away from lower ones is in a directory of its own. */
  #replaceWhiteout(path: string): boolean {
    const { root, directory } = this.#options;
    const parts = path.split("/");
    for (const [index, name] of parts.entries()) {
      const above = [directory, ...parts.slice(0, index)].join("/");
      using parent = openIfDirectory(root, above);
      const status = parent === undefined ? undefined : fileStatus(name, parent);
      if (parent === undefined || status === undefined) return false;
      if (!isWhiteout(status)) continue;
      removeEntry(parent, name);
      makeDirectory(name, madeDirectoryMode, parent);
      makeOpaque(parent, name);
      return true;
    }
    return false;
  }

  #forgetParent(): void {
    this.#parent?.fd[Symbol.dispose]();
    this.#parent = undefined;
  }
}

function isSame(one: Owner, other: Owner): boolean {
  return one.uid === other.uid && one.gid === other.gid;
}

function openIfDirectory(root: OwnedFd, path: string): OwnedFd | undefined {
  try {
    return openInRoot(root, path, openFlags.path | openFlags.directory);
  } catch (thrown) {
    if (thrown instanceof SyscallError) return undefined;
    throw thrown;
  }
}

function covered(path: string): TiffinError {
  return new TiffinError(
    "conflict",
    "archive.mounted",
    `cannot unpack ${shownName(path)}: something is mounted there, which the archive would replace`,
    { remedy: "copy to another path, or write to the file from within the container" },
  );
}

const refusals: ReadonlyMap<string, ConstructorParameters<typeof TiffinError>[0]> = new Map([
  ["EROFS", "forbidden"],
  ["EPERM", "forbidden"],
  ["EACCES", "forbidden"],
  ["ENOSPC", "unavailable"],
  ["EDQUOT", "unavailable"],
  ["ENOENT", "invalid"],
  ["ENOTDIR", "invalid"],
  ["ELOOP", "invalid"],
  ["ENAMETOOLONG", "invalid"],
  ["EEXIST", "conflict"],
  ["EINVAL", "invalid"],
  ["E2BIG", "invalid"],
  ["ERANGE", "invalid"],
  ["EMLINK", "invalid"],
  ["EBUSY", "conflict"],
  ["EOPNOTSUPP", "invalid"],
]);

/** What a file system says that takes no more: nothing about the archive. */
const fullWords: ReadonlyMap<string, string> = new Map([
  ["ENOSPC", "no space left on device"],
  ["EDQUOT", "disk quota exceeded"],
]);

function failedAt(thrown: unknown, path: string): unknown {
  if (!(thrown instanceof SyscallError)) return thrown;
  const kind = refusals.get(thrown.code) ?? "internal";
  const words = fullWords.get(thrown.code) ?? thrown.message;
  const text = `cannot unpack ${shownName(path)}: ${words}`;
  return new TiffinError(kind, "archive.unpack-failed", text, { cause: thrown });
}
