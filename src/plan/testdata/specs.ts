/** Specifications and options for the compiler's tests: a container as the engine asks for it, and its variants. */
import type { OciMount, RuntimeSpec } from "../../oci/mod.ts";
import { languages } from "../explain/mod.ts";
import type { ContainerOptions, ExecTarget, LowerLayer } from "../options.ts";
import type { ScriptSurroundings } from "../script/surroundings.ts";

const dockerCapabilities = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
];

export const defaultMounts: readonly OciMount[] = [
  { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
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
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
  },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
  {
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: ["ro", "nosuid", "noexec", "nodev"],
  },
  { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
  {
    destination: "/dev/shm",
    type: "tmpfs",
    source: "shm",
    options: ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"],
  },
];

export function defaultSpec(): RuntimeSpec {
  return {
    ociVersion: "1.2.0",
    hostname: "box",
    process: {
      user: { uid: 0, gid: 0 },
      args: ["sh", "-c", "true"],
      env: ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/root"],
      cwd: "/",
      capabilities: {
        bounding: dockerCapabilities,
        effective: dockerCapabilities,
        permitted: dockerCapabilities,
      },
    },
    root: { path: "rootfs" },
    mounts: defaultMounts,
    linux: {
      namespaces: [
        { type: "mount" },
        { type: "network" },
        { type: "pid" },
        { type: "ipc" },
        { type: "uts" },
        { type: "cgroup" },
      ],
      resources: {
        memory: { limit: 64 * 1024 * 1024 },
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
        ],
      },
      maskedPaths: ["/proc/kcore", "/proc/acpi", "/sys/firmware"],
      readonlyPaths: ["/proc/bus", "/proc/sys"],
    },
  };
}

/** 8 bytes: one "allow" instruction. */
const allowEverything = new Uint8Array([0x06, 0, 0, 0, 0, 0, 0xff, 0x7f]);

export function directoryLayer(path: string): LowerLayer {
  return { kind: "directory", path };
}

export function defaultOptions(): ContainerOptions {
  return {
    id: "c0ffee",
    cgroupParent: "/tiffin",
    rootfs: {
      kind: "overlay",
      lowers: [
        directoryLayer("/var/lib/tiffin/layers/b/diff"),
        directoryLayer("/var/lib/tiffin/layers/a/diff"),
      ],
      upper: "/var/lib/tiffin/containers/c0ffee/upper",
      work: "/var/lib/tiffin/containers/c0ffee/work",
    },
    workMount: "/var/lib/tiffin/containers",
    network: { kind: "slot" },
    files: [
      { path: "/etc/hosts", content: "127.0.0.1 localhost\n", mode: 0o644 },
      { path: "/etc/resolv.conf", content: "nameserver 9.9.9.9\n", mode: 0o644 },
    ],
    stdio: { kind: "pipes", stdin: false },
    supervise: {
      kind: "supervise",
      stdinOnce: false,
      logs: { fileBytes: 20_000_000, files: 5 },
      record: true,
      oom: true,
      attachClients: [{ flags: 6 }],
    },
    seccompProgram: allowEverything,
    createWorkdir: true,
  };
}

export const execTarget: ExecTarget = {
  id: "c0ffee",
  namespaces: ["mount", "network", "pid", "ipc", "uts", "cgroup"],
  cgroupHierarchies: ["memory", "pids"],
  cgroupV2: true,
};

export const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

/** Of a container that nobody knows more about than its plan. */
export function scriptSurroundings(change: Partial<ScriptSurroundings> = {}): ScriptSurroundings {
  return {
    name: "box",
    id: "c0ffee".padEnd(64, "0"),
    vocabulary: languages.en,
    sources: new Map(),
    network: undefined,
    masked: new Set(),
    hidden: { ofCommand: new Set(), elsewhere: false },
    notes: [],
    rival: undefined,
    ...change,
  };
}
