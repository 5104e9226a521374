/**
 * The images of layers that are mounted: each once, when it is first wanted, as a descriptor, so that all who read a layer share
 * what the kernel has read of it. The host sees none of them: they are attached nowhere, or, for overlays that take no such mount,
 * in a mount namespace that exists as a descriptor too. With the last descriptor a mount is gone, whatever ends how.
 */
import { makeDirectory, openDirectory } from "../../kernel/files.ts";
import { type ImageMountWay, mountImage } from "../../kernel/image-mount.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { createBareMounts, inMounts, unmount } from "../../kernel/private-mounts.ts";
import { attach } from "../../kernel/root-view.ts";

/** A mount that nobody uses costs a descriptor and little memory; the one that was wanted longest ago goes first. */
const limitKept = 512;
const privateMode = 0o700;

export interface ImageMountForm {
  readonly way: ImageMountWay;
  readonly attached: boolean;
}

export interface MountedImage {
  /** The root of the image. */
  readonly mount: OwnedFd;
  readonly attached?: { readonly place: string; readonly way: ImageMountWay };
}

export class ImageMounts implements Disposable {
  readonly #form: ImageMountForm;
  readonly #root: string;
  /** In the order of last use. */
  readonly #kept = new Map<string, OwnedFd>();
  #namespace: OwnedFd | undefined;

  /** Images and the directories that they are attached at lie below `root`. */
  constructor(form: ImageMountForm, root: string) {
    this.#form = form;
    this.#root = root;
  }

  /** Where the images are attached, if any is. */
  get namespace(): OwnedFd | undefined {
    return this.#namespace;
  }

  /** The image at `path`; the caller closes its mount. Throws `SyscallError`. */
  open(path: string): MountedImage {
    const mount = this.#kept.get(path) ?? this.#mount(path);
    this.#kept.delete(path);
    this.#kept.set(path, mount);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= limitKept) break;
      this.letGo(oldest);
    }
    const { attached, way } = this.#form;
    return { mount: mount.duplicate(), ...(attached && { attached: { place: placeOf(path), way } }) };
  }

  /** Whether `open` has nothing to mount. */
  isOpen(path: string): boolean {
    return this.#kept.has(path);
  }

  /** Whoever has it open keeps it. */
  letGo(path: string): void {
    const mount = this.#kept.get(path);
    if (mount === undefined) return;
    this.#kept.delete(path);
    mount[Symbol.dispose]();
    if (this.#namespace !== undefined) inMounts(this.#namespace, () => unmount(placeOf(path)));
  }

  [Symbol.dispose](): void {
    for (const mount of this.#kept.values()) mount[Symbol.dispose]();
    this.#kept.clear();
    this.#namespace?.[Symbol.dispose]();
    this.#namespace = undefined;
  }

  #mount(path: string): OwnedFd {
    const mount = mountImage(path, this.#form.way);
    if (!this.#form.attached) return mount;
    try {
      const place = placeOf(path);
      makeDirectory(place, privateMode);
      this.#namespace ??= createBareMounts(this.#root);
      inMounts(this.#namespace, () => {
        using at = openDirectory(place);
        attach(mount, at);
      });
      return mount;
    } catch (thrown) {
      mount[Symbol.dispose]();
      throw thrown;
    }
  }
}

function placeOf(path: string): string {
  return `${path}.mounted`;
}
