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
import { readAttribute } from "./extended-attributes.ts";
import { openDirectory, openFile, openFlags, openIfPresent, readLinkOf } from "./files.ts";
import { readToEnd } from "./io.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { SyscallError } from "./syscall.ts";

/** A directory of the host by its path, or an open root of a tree, which stays its owner's. */
export type TreeLayer = string | OwnedFd;

/** As the kernel: more symbolic links than this on one path are a loop. */
const linkLimit = 40;
const insideOne = resolveFlags.beneath | resolveFlags.noSymlinks | resolveFlags.noXdev;
const opaqueNames = ["trusted.overlay.opaque", "user.overlay.opaque"] as const;
const opaqueValue = 0x79;

/** What stands at one place of the merged tree. Whoever got it closes it. */
export class TreeEntry implements Disposable {
  readonly status: FileStatus;
  /** Opened by O_PATH: the directories that are merged here, uppermost first; for anything else the one that counts. */
  readonly #places: readonly OwnedFd[];

  constructor(status: FileStatus, places: readonly OwnedFd[]) {
    this.status = status;
    this.#places = places;
  }

  get isDirectory(): boolean {
    return this.status.type === "directory";
  }

  /** The place that counts, which stays this entry's. */
  get fd(): OwnedFd {
    const [first] = this.#places;
    if (first === undefined) throw new Error("an entry without a place");
    return first;
  }

  /** The entry `name` of this directory; undefined when there is none. */
  child(name: string): TreeEntry | undefined {
    const merged: OwnedFd[] = [];
    let first: FileStatus | undefined;
    for (const layer of this.#places) {
      const place = openIfPresent(layer, name, openFlags.path | openFlags.noFollow, { resolve: insideOne });
      if (place === undefined) continue;
      const status = descriptorStatus(place);
      if (status.type === "directory") {
        first ??= status;
        merged.push(place);
        if (isOpaque(place)) break;
        continue;
      }
      // A whiteout: the name is gone from here down. Below a directory anything else is hidden too.
      if (merged.length === 0 && !isWhiteout(status)) return new TreeEntry(status, [place]);
      place[Symbol.dispose]();
      break;
    }
    return first === undefined ? undefined : new TreeEntry(first, merged);
  }

  /** The same directory, opened once more. */
  again(): TreeEntry {
    using opening = new DisposableStack();
    const places = this.#places.map((place) => opening.use(openDirectory(".", place)));
    opening.move();
    return new TreeEntry(this.status, places);
  }

  /** The names in this directory, in no order; some may be whiteouts, which `child` does not find. */
  names(): Set<string> {
    const names = new Set<string>();
    for (const place of this.#places) {
      using open = openFile(place, ".", openFlags.readOnly | openFlags.directory);
      for (const { name } of listDirectory(open, place.what)) names.add(name);
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
    for (const place of this.#places) place[Symbol.dispose]();
  }
}

export class TreeView implements Disposable {
  readonly #root: TreeEntry;

  /** `layers` are uppermost first. */
  constructor(layers: readonly TreeLayer[]) {
    using opening = new DisposableStack();
    const places = layers.map((layer) =>
      opening.use(typeof layer === "string" ? openDirectory(layer) : openDirectory(".", layer)),
    );
    const [first] = places;
    if (first === undefined) throw new RangeError("a tree without layers");
    this.#root = new TreeEntry(descriptorStatus(first), places);
    opening.move();
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

function components(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function isWhiteout(status: FileStatus): boolean {
  return status.type === "character" && status.specialMajor === 0 && status.specialMinor === 0;
}

function isOpaque(directory: OwnedFd): boolean {
  return opaqueNames.some((name) => readAttribute(directory, name)?.[0] === opaqueValue);
}
