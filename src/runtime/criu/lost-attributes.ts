/**
 * criu (4.1 and before) makes the second mount of one source a bind of the first and forgets to make it read-only,
 * nosuid, nodev or noexec. What the configuration asks for is compared with what is there before any process goes on.
 */
import { own } from "../../lib/own.ts";
import { mountAttributes } from "../../linux/mount-flags.ts";
import type { MountEntry } from "../../linux/mountinfo.ts";
import type { RuntimeSpec } from "../../oci/mod.ts";
import { readMountOptions } from "../../plan/mod.ts";

/** Those that take rights away, by their words in a mount table. */
const restrictions: Readonly<Record<string, number>> = {
  ro: mountAttributes.readOnly,
  nosuid: mountAttributes.noSuid,
  nodev: mountAttributes.noDevices,
  noexec: mountAttributes.noExec,
  nosymfollow: mountAttributes.noSymlinkFollow,
};
const allBits = Object.values(restrictions).reduce((all, bit) => all | bit, 0);

export interface MountChange {
  readonly mountPoint: string;
  /** MOUNT_ATTR_* to set. */
  readonly set: number;
}

/** `place`: where a path of the configuration is once its symlinks are followed. */
export function lostAttributes(
  { mounts = [], linux = {}, root }: RuntimeSpec,
  present: readonly MountEntry[],
  place: (path: string) => string,
): MountChange[] {
  const wanted = new Map<MountEntry, number>();
  const want = (mount: MountEntry | undefined, bits: number): void => {
    if (mount !== undefined) wanted.set(mount, (wanted.get(mount) ?? 0) | (bits & allBits));
  };
  // Of several mounts on one place, the last one is seen.
  const at = (path: string): MountEntry | undefined =>
    present.findLast(({ mountPoint }) => mountPoint === path);
  for (const { destination, options = [] } of mounts) {
    const { bind, own, tree } = readMountOptions(options);
    if (bind === "no") continue;
    const path = place(destination);
    want(at(path), own.set | tree.set);
    for (const mount of present) if (mount.mountPoint.startsWith(`${path}/`)) want(mount, tree.set);
  }
  for (const path of linux.readonlyPaths ?? []) want(at(place(path)), mountAttributes.readOnly);
  if (root?.readonly === true) want(at("/"), mountAttributes.readOnly);
  return [...wanted].flatMap(([{ mountPoint, options }, bits]) => {
    const set = options.reduce((left, word) => left & ~(own(restrictions, word) ?? 0), bits);
    return set === 0 ? [] : [{ mountPoint, set }];
  });
}
