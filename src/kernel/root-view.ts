/**
 * The file system of a container as a tree of mounts that exists only as a descriptor: put together in a mount namespace of
 * its own, cloned out of it, and gone when the descriptor is closed. The host never sees it, whatever ends how.
 * open_tree(2), mount_namespaces(7)
 */
import { mountAttributes, moveMountFlags, openTreeFlags } from "../linux/mount-flags.ts";
import { atFlags } from "../linux/open-flags.ts";
import { overlayOptions } from "../linux/overlay-options.ts";
import { descriptorStatus } from "./directory.ts";
import { makeDirectory, openDirectory, openFile, openFlags, openInRoot } from "./files.ts";
import { type ImageMountWay, mountImage } from "./image-mount.ts";
import { isOfKernel, mountIdOf } from "./mount-attributes.ts";
import { OwnedFd } from "./owned-fd.ts";
import { inMounts, inPrivateMounts, mountTmpfs } from "./private-mounts.ts";
import { cString, SyscallError, syscall } from "./syscall.ts";
import type { TreeLayer } from "./tree-view.ts";
import { makeDirectories } from "./tree-writer.ts";

const mountPointMode = 0o755;
const fileMode = 0o644;
const descriptors = "/proc/self/fd";

/** An image that is mounted once more for the view, at a directory of the host that nobody sees covered. */
export interface ImageLayer {
  readonly image: string;
  readonly way: ImageMountWay;
  readonly place: string;
}

export interface OverlayLayers {
  /** Uppermost first. */
  readonly lowers: readonly (TreeLayer | ImageLayer)[];
  readonly upper: string;
  readonly work: string;
}

/** A host path, or a mount that is attached nowhere, that is shown at `target` of the container. */
export interface ShownMount {
  readonly source: string | OwnedFd;
  readonly target: string;
  readonly access: Access;
  /** With what is mounted below the source. */
  readonly recursive: boolean;
}

/** `read-only-top` leaves what is mounted below it as it is. */
export type Access = "writable" | "read-only" | "read-only-top";

/**
 * The root of a container that does not run, with `mounts` in it; a missing mount point is made, as a start would. `place` is a
 * directory of the host that is mounted over, for a moment and unseen. Throws `SyscallError`.
 */
export function viewOfLayers(
  layers: OverlayLayers,
  mounts: readonly ShownMount[],
  place: string,
  access: Access,
): OwnedFd {
  using fds = openDirectory(descriptors);
  return inPrivateMounts(() => {
    mountOverlay(layers, place);
    using root = openDirectory(place);
    for (const { source, target, access: ofMount, recursive } of mounts) {
      using from =
        typeof source === "string" ? openFile(undefined, source, openFlags.path) : source.duplicate();
      using mount = typeof source === "string" ? cloneOf(from, recursive) : from.duplicate();
      using at = mountPoint(root, target, isDirectory(from));
      // While it is attached nowhere: nobody can write through it before.
      restrict(mount, ofMount);
      attach(mount, at);
    }
    // Last: mount points are made in it.
    restrict(root, access);
    return cloneOf(root, true);
  }, fds);
}

/**
 * The files of an image and nothing else, or what is at `subpath` of it, read-only; `place` as for `viewOfLayers`. Throws
 * `SyscallError`.
 */
export function viewOfImage(
  lowers: readonly (TreeLayer | ImageLayer)[],
  subpath: string,
  place: string,
): OwnedFd {
  using fds = openDirectory(descriptors);
  return inPrivateMounts(() => {
    // Without an upper layer overlayfs takes no fewer than two; an empty one says nothing.
    mountTmpfs(place, "mode=755");
    using empty = openDirectory(place);
    mountOverlay({ lowers: lowers.length > 1 ? lowers : [...lowers, empty] }, place);
    using root = openDirectory(place);
    restrict(root, "read-only");
    using part = openInRoot(root, subpath === "" ? "." : subpath, openFlags.path);
    return cloneOf(part, true);
  }, fds);
}

/** What the container may not write, a copy through the view may not either, whatever way a path takes there. */
function restrict(mount: OwnedFd, access: Access): void {
  if (access === "writable") return;
  // struct mount_attr: what is set, what is cleared, propagation, a user namespace.
  const attributes = new BigUint64Array([BigInt(mountAttributes.readOnly), 0n, 0n, 0n]);
  const flags = atFlags.emptyPath | (access === "read-only" ? atFlags.recursive : 0);
  const what = `${mount.what} read-only`;
  syscall("mount_setattr", what, mount.raw, cString(""), flags, attributes, attributes.byteLength);
}

/**
 * The root of a running container, whose mount namespace is `namespace`, with what it has mounted at `targets` and nothing
 * else: no `/proc`, no `/dev`. A target that is no longer there is left out. Throws `SyscallError`.
 */
export function viewOfNamespace(namespace: OwnedFd, targets: readonly string[], place: string): OwnedFd {
  return inPrivateMounts(() => {
    using clones = new DisposableStack();
    const taken = inMounts(namespace, () => {
      const top = clones.use(openDirectory("/"));
      const parts = targets.flatMap((target) => {
        const found = openTarget(top, target);
        if (found === undefined) return [];
        const source = clones.use(found);
        return [{ target, source, mount: clones.use(cloneOf(source, true)) }];
      });
      return { top, root: clones.use(cloneOf(top, false)), parts };
    });
    // By this process's own /proc: that of the container says what the container likes.
    const rootId = mountIdOf(taken.top);
    using covered = openDirectory(place);
    attach(taken.root, covered);
    using root = openDirectory(place);
    for (const { target, source, mount } of taken.parts) {
      // The container can put links where its mounts were, to all that it has; only another mount with files is one of them.
      if (mountIdOf(source) === rootId || isOfKernel(source)) continue;
      using at = openTarget(root, target);
      if (at !== undefined) attach(mount, at);
    }
    return cloneOf(root, true);
  });
}

/** What is at `path` in a mount namespace, or at `subpath` of that, as a mount that is attached nowhere. Throws `SyscallError`. */
export function mountOfNamespace(namespace: OwnedFd, path: string, subpath = ""): OwnedFd {
  return inMounts(namespace, () => {
    using top = openDirectory("/");
    using source = openInRoot(top, path, openFlags.path);
    if (subpath === "") return cloneOf(source, true);
    using part = openInRoot(source, subpath, openFlags.path);
    return cloneOf(part, true);
  });
}

/**
 * By descriptor numbers, which are short and hold no character that overlayfs gives a meaning to; the working directory is
 * that of the descriptors.
 */
function mountOverlay(
  { lowers, upper, work }: Pick<OverlayLayers, "lowers"> & Partial<OverlayLayers>,
  place: string,
): void {
  using opened = new DisposableStack();
  const open = (layer: TreeLayer | ImageLayer): OwnedFd => {
    if (typeof layer === "string") return opened.use(openDirectory(layer));
    if (!("image" in layer)) return layer;
    const mount = opened.use(mountImage(layer.image, layer.way));
    attach(mount, opened.use(openDirectory(layer.place)));
    return mount;
  };
  const number = (layer: TreeLayer | ImageLayer): string => String(open(layer).raw);
  const own =
    upper === undefined || work === undefined
      ? overlayOptions
      : [`upperdir=${number(upper)}`, `workdir=${number(work)}`, ...overlayOptions];
  const options = [`lowerdir=${lowers.map(number).join(":")}`, ...own].join(",");
  const type = cString("overlay");
  syscall("mount", `overlay on ${place}`, type, cString(place), type, 0, cString(options));
}

/** The mount at `of`, once more and attached nowhere. */
export function cloneOf(of: OwnedFd, recursive: boolean): OwnedFd {
  const flags =
    openTreeFlags.clone |
    openTreeFlags.closeOnExec |
    atFlags.emptyPath |
    (recursive ? openTreeFlags.recursive : 0);
  return new OwnedFd(syscall("open_tree", of.what, of.raw, cString(""), flags), of.what);
}

/** Puts a mount that is attached nowhere over the directory `at`. */
export function attach(mount: OwnedFd, at: OwnedFd): void {
  const flags = moveMountFlags.fromEmptyPath | moveMountFlags.toEmptyPath;
  const what = `${mount.what} on ${at.what}`;
  syscall("move_mount", what, mount.raw, cString(""), at.raw, cString(""), flags);
}

function openTarget(root: OwnedFd, target: string): OwnedFd | undefined {
  try {
    return openInRoot(root, target, openFlags.path);
  } catch (thrown) {
    if (thrown instanceof SyscallError && ["ENOENT", "ENOTDIR", "ELOOP"].includes(thrown.code))
      return undefined;
    throw thrown;
  }
}

function isDirectory(fd: OwnedFd): boolean {
  return descriptorStatus(fd).type === "directory";
}

function mountPoint(root: OwnedFd, target: string, directory: boolean): OwnedFd {
  const found = openTarget(root, target);
  if (found !== undefined) return found;
  const slash = target.lastIndexOf("/");
  using parent = makeDirectories(root, target.slice(0, slash));
  const name = target.slice(slash + 1);
  if (directory) makeDirectory(name, mountPointMode, parent);
  else openFile(parent, name, openFlags.writeOnly | openFlags.create, { mode: fileMode })[Symbol.dispose]();
  return openInRoot(root, target, openFlags.path);
}
