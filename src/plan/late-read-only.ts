/**
 * A read-only tmpfs in which something else is mounted later must hold a place for it, so it stays writable until
 * everything is there: a read-only /etc below an engine's /etc/hosts, say, or the directory of cgroup v1 hierarchies.
 */
import { slotNone } from "../abi/schema.ts";
import { mountAttributes } from "../linux/mount-flags.ts";
import type { Compilation } from "./compilation.ts";
import { cleanPath, pathBelow } from "./container-path.ts";
import type { MountContext } from "./mount-context.ts";

/** A mount that becomes read-only in the end. */
export interface LateReadOnly {
  readonly slot: number;
  readonly cause: string;
  readonly destination: string;
}

const { readOnly } = mountAttributes;

/** Whether the mount is read-only and something else is still to be made in it. */
export function isFilledLater({ spec, linux }: Compilation, context: MountContext): boolean {
  const { destination, index, request } = context;
  if (((request.own.set | request.tree.set) & readOnly) === 0) return false;
  const isIn = (path: string): boolean => pathBelow(destination, cleanPath(path)) !== undefined;
  return (
    destination === "/dev" ||
    (spec.mounts ?? []).slice(index + 1).some((mount) => isIn(mount.destination)) ||
    (linux.devices ?? []).some(({ path }) => isIn(path))
  );
}

/** The same mount, writable. */
export function writableMeanwhile(context: MountContext): MountContext {
  const { request } = context;
  const own = { ...request.own, set: request.own.set & ~readOnly };
  const tree = { ...request.tree, set: request.tree.set & ~readOnly };
  return { ...context, request: { ...request, own, tree } };
}

/** Lets a mount that is read-only already be written to until `makeReadOnlyLate`. */
export function reopen({ builder }: Compilation, { slot, cause, destination }: LateReadOnly): void {
  const fields = {
    mount: slot,
    path: null,
    flags: 0,
    userns: slotNone,
    set: 0,
    clear: readOnly,
    propagation: 0,
  };
  builder.child({ op: "mountSetattr", fields }, cause, destination);
}

/** The end of it: nothing is made in them any more. */
export function makeReadOnlyLate({ builder }: Compilation, mounts: readonly LateReadOnly[]): void {
  for (const { slot, cause, destination } of mounts) {
    const fields = {
      mount: slot,
      path: null,
      flags: 0,
      userns: slotNone,
      set: readOnly,
      clear: 0,
      propagation: 0,
    };
    builder.child({ op: "mountSetattr", fields }, cause, destination);
  }
}
