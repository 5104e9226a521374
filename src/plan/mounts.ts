/**
 * `mounts` of the specification, in order. Each is made detached, changed to what was asked for while nobody can
 * see it, and attached at a target that is resolved inside the root.
 */
import { TiffinError } from "../lib/errors.ts";
import { bindMount } from "./bind-mounts.ts";
import { cgroupMount } from "./cgroup-mount.ts";
import type { Compilation } from "./compilation.ts";
import { cleanPath, pathBelow } from "./container-path.ts";
import { deviceFileSystem } from "./devices.ts";
import { newFileSystem } from "./file-systems.ts";
import { isFilledLater, type LateReadOnly, reopen, writableMeanwhile } from "./late-read-only.ts";
import type { MountContext } from "./mount-context.ts";
import { readMountOptions } from "./mount-request.ts";
import { procFileSystem } from "./proc-mount.ts";
import { remountInPlace } from "./remount.ts";

export interface MountedSlots {
  /** The container's own /dev, when the specification has a tmpfs there. */
  readonly dev: number | undefined;
  /** The container's own devpts at /dev/pts. */
  readonly hasPts: boolean;
  /** Every mount in order, with the slot that still holds it for a fresh /proc or /sys. */
  readonly attached: readonly AttachedMount[];
  /** What is to be made read-only when nothing is made in it any more. */
  readonly late: readonly LateReadOnly[];
}

export interface AttachedMount {
  /** Clean absolute path in the container. */
  readonly destination: string;
  readonly slot: number | undefined;
}

/**
 * Files below /proc that may be covered by a mount: views of limits, as lxcfs makes them. Anything else there
 * would let a container's image or volume stand in for a kernel file.
 */
const coverableProcFiles = new Set([
  "cpuinfo",
  "diskstats",
  "loadavg",
  "meminfo",
  "slabinfo",
  "stat",
  "swaps",
  "sys/crypto/fips_enabled",
  "sys/kernel/ns_last_pid",
  "uptime",
]);

export function compileMounts(compilation: Compilation, root: number): MountedSlots {
  let dev: number | undefined;
  let hasPts = false;
  const attached: AttachedMount[] = [];
  const late: LateReadOnly[] = [];
  for (const [index, mount] of (compilation.spec.mounts ?? []).entries()) {
    const destination = cleanPath(mount.destination);
    const request = readMountOptions(mount.options ?? []);
    const context: MountContext = { index, mount, destination, request, root, cause: `mounts[${index}]` };
    checkDestination(context);
    const isBind = request.bind !== "no" || mount.type === "bind";
    let slot: number | undefined;
    if (request.remount) {
      const below = attached.findLast((each) => each.destination === destination);
      remountInPlace(compilation, context, below?.slot);
      continue;
    }
    const isGroups = mount.type === "cgroup" || mount.type === "cgroup2";
    const isLate = !isBind && (isGroups || mount.type === "tmpfs") && isFilledLater(compilation, context);
    const early = isLate ? writableMeanwhile(context) : context;
    let top: number | undefined;
    if (isBind) bindMount(compilation, context);
    else if (mount.type === "proc" && destination === "/proc") slot = procFileSystem(compilation, context);
    else if (isGroups) top = cgroupMount(compilation, context);
    else if (mount.type === "tmpfs" && destination === "/dev") {
      dev = deviceFileSystem(compilation, early);
      top = dev;
    } else {
      slot = newFileSystem(compilation, early);
      top = slot;
    }
    if (isLate && top !== undefined) {
      const again = { slot: top, cause: context.cause, destination };
      // Its hierarchies were made read-only with it.
      if (isGroups) reopen(compilation, again);
      late.push(again);
    }
    attached.push({ destination, slot });
    if (mount.type === "devpts" && destination === "/dev/pts") hasPts = true;
  }
  return { dev, hasPts, attached, late };
}

function checkDestination({ destination, cause }: MountContext): void {
  if (destination === "/") {
    throw new TiffinError(
      "invalid",
      "plan.mount-over-root",
      `${cause}.destination is /, which is the root itself`,
    );
  }
  const inProc = pathBelow("/proc", destination);
  if (inProc === undefined || coverableProcFiles.has(inProc)) return;
  throw new TiffinError(
    "invalid",
    "plan.mount-in-proc",
    `${cause}.destination ${destination} is inside /proc and cannot be covered`,
    { remedy: "mount it elsewhere" },
  );
}
