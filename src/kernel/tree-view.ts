/**
 * The merged tree of a stack of layers without mounting it: what overlayfs would show, with whiteouts, opaque directories and
 * symbolic links that stay inside. A layer is a directory or the root of a mounted image, read alike. Everything goes by
 * descriptor, one component at a time without following links in the kernel, so that no layer can lead out.
 *
 * For trees that nobody changes meanwhile; a running container is looked into through its own root.
 */
import { errno } from "../linux/errno.ts";
import { resolveFlags } from "../linux/open-flags.ts";
import { descriptorStatus, type FileStatus, listDirectory } from "./directory.ts";
import { openDirectory, openFile, openFlags, openIfPossible, openIfPresent, readLinkOf } from "./files.ts";
import { readToEnd } from "./io.ts";
import { isOpaque, isWhiteout } from "./overlay-marks.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { SyscallError } from "./syscall.ts";

/** A directory of the host by its path, or an open root of a tree, which stays its owner's. */
export type TreeLayer = string | OwnedFd;

/** What a tree is to look like where it is not one of ours: a directory that others work in. */
export interface TreeAppearance {
  /** Of everything in it. */
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Whether there is anything that is not there for us. */
  readonly hidesAny: boolean;
  /** Whether it is not there for us; `within`: but what is in it may be, and then it is there too. */
  hides(path: string, isDirectory: boolean): "no" | "yes" | "within";
  /** Whether the extended attribute goes along. */
  carries(name: string): boolean;
}

export interface TreeViewOptions {
  readonly appearance?: TreeAppearance | undefined;
  /** What is mounted in it belongs to it. */
  readonly crossesMounts?: boolean;
  /** All of its files are to be read: what is listed as one is opened for that at once. */
  readonly readsFiles?: boolean;
}

/** How a view sees one of its entries. */
interface Sight extends TreeViewOptions {
  readonly path: string;
}

/** As the kernel: more symbolic links than this on one path are a loop. */
const linkLimit = 40;
const inside = resolveFlags.beneath | resolveFlags.noSymlinks;
const insideOne = inside | resolveFlags.noXdev;

/** Opened by O_PATH, in the layer of this index. */
interface Place {
  readonly fd: OwnedFd;
  readonly layer: number;
}

/** What stands at one place of the merged tree. Whoever got it closes it. */
export class TreeEntry implements Disposable {
  readonly status: FileStatus;
  /** The directories that are merged here, uppermost first; for anything else the one that counts. */
  readonly #places: readonly Place[];
  readonly #sight: Sight | undefined;
  /** `fd` reads the content: it is a regular file. */
  readonly isReadable: boolean;
  /** Names that were files when they were listed. */
  #files: ReadonlySet<string> | undefined;

  constructor(status: FileStatus, places: readonly Place[], sight?: Sight, isReadable = false) {
    this.isReadable = isReadable;
    this.status = sight?.appearance === undefined ? status : { ...status, ...sight.appearance.owner };
    this.#places = places;
    this.#sight = sight;
  }

  /** Whether an extended attribute goes along; undefined: as of any tree. */
  get carries(): ((name: string) => boolean) | undefined {
    return this.#sight?.appearance?.carries;
  }

  get hidesAny(): boolean {
    return this.#sight?.appearance?.hidesAny === true;
  }

  /** Whether an entry of this directory is not there for us, whatever is in it. */
  hides(name: string, isDirectory: boolean): boolean {
    const sight = this.#sight;
    if (sight?.appearance === undefined) return false;
    return sight.appearance.hides(pathBelow(sight.path, name), isDirectory) !== "no";
  }

  get isDirectory(): boolean {
    return this.status.type === "directory";
  }

  /** The place that counts, which stays this entry's. */
  get fd(): OwnedFd {
    return this.#top.fd;
  }

  /** Which of the layers it is in, counted from the uppermost. */
  get layer(): number {
    return this.#top.layer;
  }

  get #top(): Place {
    const [first] = this.#places;
    if (first === undefined) throw new Error("an entry without a place");
    return first;
  }

  /** The entry `name` of this directory; undefined when there is none. One that is said to be a file is opened for reading at once. */
  child(name: string, saidToBeFile = this.#files?.has(name) === true): TreeEntry | undefined {
    const { appearance, path } = this.#sight ?? {};
    const found = (saidToBeFile ? this.#file(name) : undefined) ?? this.#child(name);
    if (appearance === undefined) return found;
    const below = pathBelow(path ?? "", name);
    // Only what it is says whether it is hidden.
    if (found === undefined) return undefined;
    // A socket means nothing without the program behind it.
    const hidden = found.status.type === "socket" ? "yes" : appearance.hides(below, found.isDirectory);
    if (hidden === "no" || (hidden === "within" && found.#holdsAny())) return found;
    found[Symbol.dispose]();
    return undefined;
  }

  #holdsAny(): boolean {
    for (const name of this.names()) {
      using child = this.child(name);
      if (child !== undefined) return true;
    }
    return false;
  }

  /** Undefined: it is none, or cannot be opened like one. */
  #file(name: string): TreeEntry | undefined {
    const [place, ...others] = this.#places;
    if (place === undefined || others.length > 0 || this.#sight?.readsFiles !== true) return undefined;
    const resolve = this.#sight.crossesMounts === true ? inside : insideOne;
    // Whatever has taken its place meanwhile, to open it waits for nobody and makes nothing of it this program's terminal.
    const flags =
      openFlags.readOnly | openFlags.noFollow | openFlags.nonBlocking | openFlags.noControllingTerminal;
    const fd = openIfPossible(place.fd, name, flags, { resolve });
    if (fd === undefined) return undefined;
    const status = descriptorStatus(fd);
    if (status.type === "file") {
      const sight = { ...this.#sight, path: pathBelow(this.#sight.path, name) };
      return new TreeEntry(status, [{ fd, layer: place.layer }], sight, true);
    }
    fd[Symbol.dispose]();
    return undefined;
  }

  #child(name: string): TreeEntry | undefined {
    const resolve = this.#sight?.crossesMounts === true ? inside : insideOne;
    const sight =
      this.#sight === undefined ? undefined : { ...this.#sight, path: pathBelow(this.#sight.path, name) };
    const merged: Place[] = [];
    let first: FileStatus | undefined;
    for (const { fd: directory, layer } of this.#places) {
      const fd = openIfPresent(directory, name, openFlags.path | openFlags.noFollow, { resolve });
      if (fd === undefined) continue;
      const status = descriptorStatus(fd);
      if (status.type === "directory") {
        first ??= status;
        merged.push({ fd, layer });
        if (layer === this.#places.at(-1)?.layer || isOpaque(fd)) break;
        continue;
      }
      // A whiteout: the name is gone from here down. Below a directory anything else is hidden too.
      if (merged.length === 0 && !isWhiteout(status)) return new TreeEntry(status, [{ fd, layer }], sight);
      fd[Symbol.dispose]();
      break;
    }
    return first === undefined ? undefined : new TreeEntry(first, merged, sight);
  }

  /** The same directory, opened once more. */
  again(): TreeEntry {
    using opening = new DisposableStack();
    const places = this.#places.map(({ fd, layer }) => ({ fd: opening.use(openDirectory(".", fd)), layer }));
    opening.move();
    return new TreeEntry(this.status, places, this.#sight);
  }

  /** The names in this directory, in no order; some may be whiteouts, which `child` does not find. */
  names(): Set<string> {
    const names = new Set<string>();
    for (const { fd } of this.#places) {
      using open = openIfPresent(fd, ".", openFlags.readOnly | openFlags.directory);
      if (open === undefined) continue;
      const entries = listDirectory(open, fd.what);
      for (const { name } of entries) names.add(name);
      if (this.#sight?.readsFiles === true)
        this.#files = new Set(entries.filter(({ type }) => type === "file").map(({ name }) => name));
    }
    return names;
  }

  /** The content of this regular file. Throws `SyscallError` EFBIG beyond `limitBytes`. */
  read(limitBytes: number): Uint8Array {
    // Through O_PATH it is known to be a regular file, so opening it cannot block.
    using file = openFile(undefined, this.path, openFlags.readOnly);
    return readToEnd(file, limitBytes);
  }

  /** What this symbolic link says. */
  target(): string {
    return readLinkOf(this.fd);
  }

  /** A path of the host that leads to this very entry as long as it is open; not for symbolic links. */
  get path(): string {
    return `/proc/self/fd/${this.fd.raw}`;
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.#places) fd[Symbol.dispose]();
  }
}

export class TreeView implements Disposable {
  readonly #root: TreeEntry;

  /** `layers` are uppermost first. */
  constructor(layers: readonly TreeLayer[], options?: TreeViewOptions) {
    using opening = new DisposableStack();
    const places = layers.map((from, layer) => ({ fd: opening.use(openLayer(from)), layer }));
    const [first] = places;
    if (first === undefined) throw new RangeError("a tree without layers");
    const sight = options === undefined ? undefined : { ...options, path: "" };
    this.#root = new TreeEntry(descriptorStatus(first.fd), places, sight);
    opening.move();
  }

  /** The top directory, which stays this view's. */
  get root(): TreeEntry {
    return this.#root;
  }

  /**
   * What `path` leads to, symbolic links followed inside the tree, the last one too. Undefined when there is nothing. Throws
   * `SyscallError` ELOOP for links in a circle.
   */
  find(path: string): TreeEntry | undefined {
    let links = 0;
    let trail: TreeEntry[] = [];
    const pending = components(path).reverse();
    const opened = new Set<TreeEntry>();
    try {
      for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
        const parent = trail.at(-1) ?? this.#root;
        if (!parent.isDirectory) return undefined;
        if (name === "..") {
          trail = trail.slice(0, -1);
          continue;
        }
        const entry = parent.child(name);
        if (entry === undefined) return undefined;
        opened.add(entry);
        if (entry.status.type !== "symlink") {
          trail.push(entry);
          continue;
        }
        links += 1;
        if (links > linkLimit) throw new SyscallError("openat2", errno.ELOOP, path);
        const target = entry.target();
        if (target.startsWith("/")) trail = [];
        pending.push(...components(target).reverse());
      }
      const found = trail.at(-1);
      if (found === undefined) return this.#root.again();
      opened.delete(found);
      return found;
    } finally {
      for (const entry of opened) entry[Symbol.dispose]();
    }
  }

  /** The regular file at `path`, whole; undefined when there is none. Throws EFBIG beyond `limitBytes`, ELOOP as `find`. */
  read(path: string, limitBytes: number): Uint8Array | undefined {
    using found = this.find(path);
    return found?.status.type === "file" ? found.read(limitBytes) : undefined;
  }

  [Symbol.dispose](): void {
    this.#root[Symbol.dispose]();
  }
}

function openLayer(layer: TreeLayer): OwnedFd {
  return typeof layer === "string" ? openDirectory(layer) : openDirectory(".", layer);
}

function pathBelow(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

function components(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}
