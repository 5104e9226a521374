/**
 * The images of layers that are mounted: each once, when it is first wanted, as a descriptor, so that all who read a layer share
 * what the kernel has read of it. Nothing is attached to the host's mounts; with the last descriptor the mount is gone.
 */
import { type ImageMountWay, mountImage } from "../../kernel/image-mount.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";

/** A mount that nobody uses costs a descriptor and little memory; the one that was wanted longest ago goes first. */
const limitKept = 512;

export class ImageMounts implements Disposable {
  readonly #way: ImageMountWay;
  /** In the order of last use. */
  readonly #kept = new Map<string, OwnedFd>();

  constructor(way: ImageMountWay) {
    this.#way = way;
  }

  /** The root of the image at `path`; the caller closes it. Throws `SyscallError`. */
  open(path: string): OwnedFd {
    const mount = this.#kept.get(path) ?? mountImage(path, this.#way);
    this.#kept.delete(path);
    this.#kept.set(path, mount);
    for (const [oldest, unused] of this.#kept) {
      if (this.#kept.size <= limitKept) break;
      this.#kept.delete(oldest);
      unused[Symbol.dispose]();
    }
    return mount.duplicate();
  }

  /** Whoever has it open keeps it. */
  letGo(path: string): void {
    this.#kept.get(path)?.[Symbol.dispose]();
    this.#kept.delete(path);
  }

  [Symbol.dispose](): void {
    for (const mount of this.#kept.values()) mount[Symbol.dispose]();
    this.#kept.clear();
  }
}
