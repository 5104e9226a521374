/** Where a mount may be, and which options belong to which kind. Pure. */
import type { MountRequest } from "../../../docker/types/host-config.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { MountSpec } from "./mount-spec.ts";
import { refuse } from "./refuse.ts";
import { validatePath } from "./validate-words.ts";

/** Files that a container may see instead of the kernel's, because they tell about the container (lxcfs and the like). */
const replaceable: ReadonlySet<string> = new Set(
  [
    "cpuinfo",
    "diskstats",
    "loadavg",
    "meminfo",
    "net/dev",
    "slabinfo",
    "stat",
    "swaps",
    "sys/crypto/fips_enabled",
    "sys/kernel/ns_last_pid",
    "uptime",
  ].map((name) => `/proc/${name}`),
);

/**
 * Nothing may hide /proc, or stand in for what programs and security modules write there; the host's own /proc may be
 * bound over it.
 */
export function validateMountPlace(mount: MountSpec): void {
  const { target } = mount;
  validatePath("mount target", target);
  if (target === "/") {
    refuse("mount-place", `invalid mount config for type "${mount.kind}": destination can't be '/'`);
  }
  if (mount.kind === "bind") validatePath("mount source", mount.source);
  if (target === "/proc") {
    if (mount.kind === "bind" && mount.source === "/proc") return;
    refuse("mount-place", `"/proc" cannot be mounted because it is not of type proc`);
  }
  if (target.startsWith("/proc/") && !(mount.kind === "bind" && replaceable.has(target))) {
    refuse("mount-place", `${JSON.stringify(target)} cannot be mounted because it is inside /proc`);
  }
}

const optionFields = {
  bind: "BindOptions",
  volume: "VolumeOptions",
  image: "ImageOptions",
  tmpfs: "TmpfsOptions",
} as const;

/** Options of another kind of mount have no effect, so they are an error. */
export function validateMountOptions(mount: MountRequest): void {
  for (const [kind, field] of Object.entries(optionFields)) {
    if (kind === mount.Type || mount[field] === undefined) continue;
    throw new TiffinError(
      "invalid",
      "container.mount-config",
      `invalid mount config for type "${mount.Type ?? ""}": field ${field} must not be specified`,
    );
  }
}
