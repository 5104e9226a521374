/** `spec`: a config.json to begin with. */
import { exists, openFile, openFlags } from "../../kernel/files.ts";
import { writeAll } from "../../kernel/io.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { OciMount, OciNamespaceType, RuntimeSpec } from "../../oci/mod.ts";
import { specificationVersion } from "../../oci/version.ts";
import type { CommandContext } from "../command.ts";
import { absolutePath } from "../host/host.ts";

const readable = 0o644;
const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
const shielded = ["nosuid", "noexec", "nodev"];

export function spec({ flags, host }: CommandContext): number {
  const bundle = flags.text("bundle");
  const directory = bundle === undefined ? host.cwd : absolutePath(bundle, host);
  const path = `${directory}/config.json`;
  if (exists(path)) {
    throw new TiffinError("conflict", "runtime.config-exists", `file ${path} exists`, {
      remedy: "remove it first",
    });
  }
  const document = template(flags.switch("rootless") ? host : undefined);
  const create = openFlags.writeOnly | openFlags.create | openFlags.exclusive;
  using file = openFile(undefined, path, create, { mode: readable });
  writeAll(file, new TextEncoder().encode(`${JSON.stringify(document, null, 2)}\n`));
  return 0;
}

function mounts(rootless: boolean): OciMount[] {
  const sysfs: OciMount = rootless
    ? { destination: "/sys", type: "none", source: "/sys", options: ["rbind", ...shielded, "ro"] }
    : { destination: "/sys", type: "sysfs", source: "sysfs", options: [...shielded, "ro"] };
  const group = rootless ? [] : ["gid=5"];
  return [
    { destination: "/proc", type: "proc", source: "proc" },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", ...group],
    },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: [...shielded, "mode=1777", "size=65536k"],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: shielded },
    sysfs,
    ...(rootless
      ? []
      : [
          {
            destination: "/sys/fs/cgroup",
            type: "cgroup",
            source: "cgroup",
            options: [...shielded, "relatime", "ro"],
          },
        ]),
  ];
}

/** `user`: who gets a user namespace with itself as the only id; undefined for root. */
function template(user: { readonly uid: number; readonly gid: number } | undefined): RuntimeSpec {
  const rootless = user !== undefined;
  const types: OciNamespaceType[] = [
    "pid",
    "ipc",
    "uts",
    "mount",
    "cgroup",
    ...(rootless ? [] : (["network"] as const)),
  ];
  const owner = (id: number): { containerID: number; hostID: number; size: number }[] => [
    { containerID: 0, hostID: id, size: 1 },
  ];
  return {
    ociVersion: specificationVersion,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "tiffin",
    mounts: mounts(rootless),
    linux: {
      ...(user !== undefined
        ? { uidMappings: owner(user.uid), gidMappings: owner(user.gid) }
        : { resources: { devices: [{ allow: false, access: "rwm" }] } }),
      namespaces: [...types, ...(rootless ? (["user"] as const) : [])].map((type) => ({ type })),
      maskedPaths: [
        "/proc/acpi",
        "/proc/asound",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/sys/firmware",
        "/proc/scsi",
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}
