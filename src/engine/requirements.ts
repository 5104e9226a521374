/** What a host must have before an engine touches anything on it. */
import { TiffinError } from "../lib/errors.ts";
import type { HostFacts } from "../linux/host-facts.ts";

/** Each is used by every start or by the network. capabilities(7) */
const capabilities = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_KILL",
  "CAP_MKNOD",
  "CAP_NET_ADMIN",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SYS_ADMIN",
  "CAP_SYS_CHROOT",
] as const;

function refuse(code: string, text: string, remedy: string): never {
  throw new TiffinError("unavailable", code, `cannot run the engine: ${text}`, { remedy });
}

/** Pure. Errors: `engine.rights`, `engine.no-cgroups`. */
export function requireHost({ identity, cgroup }: Pick<HostFacts, "identity" | "cgroup">): void {
  const missing = capabilities.filter((name) => !identity.effective.includes(name));
  if (missing.length > 0) {
    const { uid, effective } = identity;
    if (effective.length === 0)
      refuse("engine.rights", `it needs root, and this is user ${uid}`, "start it as root");
    refuse("engine.rights", `user ${uid} lacks ${missing.join(", ")}`, "start it with all rights of root");
  }
  if (cgroup.mode === "none") {
    refuse(
      "engine.no-cgroups",
      "no control group hierarchy is mounted in its mount namespace",
      "mount one: mount -t cgroup2 none /sys/fs/cgroup",
    );
  }
}
