/** An entry of one tree as it is, by descriptor: nothing merged, nothing hidden, overlayfs's notes among the rest. */
import { resolveFlags } from "../linux/open-flags.ts";
import { descriptorStatus, type FileStatus, listDirectory } from "./directory.ts";
import { openDirectory, openFlags, openIfPresent } from "./files.ts";
import type { OwnedFd } from "./owned-fd.ts";
import type { TreeLayer } from "./tree-view.ts";

const insideOne = resolveFlags.beneath | resolveFlags.noSymlinks;

/** Whoever got it closes it. */
export class PlainEntry implements Disposable {
  /** Opened by O_PATH. */
  readonly fd: OwnedFd;
  readonly status: FileStatus;
  readonly #resolve: number;

  /** Takes `fd`. Mounts below are part of the tree if it `crossesMounts`. */
  constructor(fd: OwnedFd, options: { readonly crossesMounts: boolean }) {
    this.fd = fd;
    this.status = descriptorStatus(fd);
    this.#resolve = options.crossesMounts ? insideOne : insideOne | resolveFlags.noXdev;
  }

  /** The top of a layer. */
  static ofLayer(layer: TreeLayer): PlainEntry {
    const fd = typeof layer === "string" ? openDirectory(layer) : openDirectory(".", layer);
    return new PlainEntry(fd, { crossesMounts: false });
  }

  child(name: string): PlainEntry | undefined {
    const resolve = this.#resolve;
    const fd = openIfPresent(this.fd, name, openFlags.path | openFlags.noFollow, { resolve });
    if (fd === undefined) return undefined;
    return new PlainEntry(fd, { crossesMounts: (resolve & resolveFlags.noXdev) === 0 });
  }

  /** None in a directory that has been removed meanwhile. */
  names(): string[] {
    using open = openIfPresent(this.fd, ".", openFlags.readOnly | openFlags.directory);
    return open === undefined ? [] : listDirectory(open, this.fd.what).map(({ name }) => name);
  }

  [Symbol.dispose](): void {
    this.fd[Symbol.dispose]();
  }
}
