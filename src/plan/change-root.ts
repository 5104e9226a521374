/**
 * The container's root becomes that of its process. Where pivot_root cannot be had (the host runs from its initial ram
 * disk), the root is moved over the old one, whose mounts stay in the namespace: out of reach, but the kernel lets
 * whoever makes a user namespace in the container mount a /proc or /sys as bare as one that is still there. So they
 * are taken off first or, where they are locked because they came with the namespace of somebody with more rights, covered.
 */
import { missingTarget, slotNone } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { mountAttributes, umountFlags } from "../linux/mount-flags.ts";
import type { MountEntry } from "../linux/mountinfo.ts";
import { type Compilation, hasUserNamespace } from "./compilation.ts";
import { pathBelow } from "./container-path.ts";
import { takeRootAlong } from "./inherited-mounts.ts";
import type { AttachPoint } from "./private-mounts.ts";

/** File systems of which the kernel lets a user namespace mount what is in full sight already. */
const revealing = new Set(["proc", "sysfs"]);
const cause = "root without pivot_root";

/** `cover`: the attach point, when something of ours lies below the root there. */
export function changeRoot(compilation: Compilation, root: number, cover: AttachPoint | undefined): void {
  const { builder, options, namespaces, facts } = compilation;
  if (namespaces.inheritsMounts) {
    takeRootAlong(compilation, root);
    return;
  }
  const mounts = options.noPivot;
  if (mounts === undefined) {
    builder.child({ op: "pivotRoot", fields: { root } }, "root");
    return;
  }
  if (namespaces.joined.has("mount")) {
    throw new TiffinError(
      "invalid",
      "plan.no-pivot-joined",
      "a mount namespace that exists cannot be joined without pivot_root, which would have to hide its mounts from all who are in it",
      { remedy: "make a new mount namespace, or use pivot_root" },
    );
  }
  builder.child({ op: "moveRoot", fields: { root } }, "root");
  if (cover !== undefined) takeOff(compilation, cover.name ?? cover.path);
  const isLocked = hasUserNamespace(compilation) || facts.identity.inUserNamespace;
  if (isLocked) for (const path of revealed(mounts)) coverMount(compilation, path);
  else for (const path of topMounts(mounts)) takeOff(compilation, path);
  builder.child({ op: "chroot", fields: { root } }, "root");
}

function takeOff({ builder }: Compilation, path: string): void {
  const flags = umountFlags.detach | umountFlags.noFollow;
  builder.child({ op: "umount", fields: { root: slotNone, path, flags, descriptors: slotNone } }, cause);
}

function coverMount({ builder }: Compilation, path: string): void {
  const out = builder.slot();
  const { readOnly, noSuid, noDevices, noExec } = mountAttributes;
  const attributes = readOnly | noSuid | noDevices | noExec;
  const options = ["mode=0555", "size=4k"];
  builder.child(
    { op: "fsMount", fields: { out, type: "tmpfs", source: "tiffin", options, attributes } },
    cause,
  );
  builder.child(
    { op: "moveMount", fields: { mount: out, root: slotNone, path, create: missingTarget.refuse, mode: 0 } },
    cause,
  );
}

function rootOf(mounts: readonly MountEntry[]): MountEntry | undefined {
  const ids = new Set(mounts.map(({ id }) => id));
  return mounts.find(({ mountPoint, parentId }) => mountPoint === "/" && !ids.has(parentId));
}

const isAtOrBelow = (directory: string, path: string): boolean =>
  path === directory || pathBelow(directory, path) !== undefined;

/**
 * Where to call umount, which takes what is below along: each mount right on the root once, and once more for what is
 * stacked on it. What covers another one comes first, /proc, which the executor needs for it, last.
 */
function topMounts(mounts: readonly MountEntry[]): string[] {
  const root = rootOf(mounts);
  const paths: string[] = [];
  for (const { id, mountPoint } of mounts.filter(
    ({ parentId, id }) => parentId === root?.id && id !== root.id,
  )) {
    let top: number | undefined = id;
    while (top !== undefined) {
      paths.push(mountPoint);
      const below: number = top;
      top = mounts.find((each) => each.parentId === below && each.mountPoint === mountPoint)?.id;
    }
  }
  const rank = (path: string): number => (isAtOrBelow(path, "/proc") ? 1 : 0);
  return paths.sort((a, b) => rank(a) - rank(b) || a.length - b.length);
}

/** The mount that a path leads to. */
function mountAt(mounts: readonly MountEntry[], path: string): MountEntry | undefined {
  let found = rootOf(mounts);
  for (;;) {
    const on = mounts
      .filter(
        ({ parentId, id, mountPoint }) =>
          parentId === found?.id && id !== parentId && isAtOrBelow(mountPoint, path),
      )
      .sort((a, b) => a.mountPoint.length - b.mountPoint.length)[0];
    if (on === undefined) return found;
    found = on;
  }
}

/** Where each /proc and /sys of the host is. */
function revealed(mounts: readonly MountEntry[]): string[] {
  const shown = mounts.filter(({ type }) => revealing.has(type));
  const hidden = shown.find((mount) => mountAt(mounts, mount.mountPoint) !== mount);
  if (hidden === undefined) return shown.map(({ mountPoint }) => mountPoint);
  throw new TiffinError(
    "invalid",
    "plan.no-pivot-hidden-mount",
    `without pivot_root, the ${hidden.type} at ${hidden.mountPoint} of the host would show through in the container's user namespaces, and another mount keeps it from being covered`,
    { remedy: `unmount what covers ${hidden.mountPoint}, or use pivot_root` },
  );
}
