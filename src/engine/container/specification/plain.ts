/** The specification to begin with: what a container has when nothing is asked but a program. */
import { capabilityNames, defaultCapabilities } from "../../../linux/capabilities.ts";
import { signalNumbers } from "../../../linux/signals.ts";
import type { ContainerSpecification } from "./specification.ts";

/** Procfs and sysfs files that tell about, or act on, the whole host. */
export const defaultMaskedPaths = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
] as const;

export const defaultReadonlyPaths = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
] as const;

export const defaultShmBytes = 64 * 1024 * 1024;
export const defaultTerminal = { rows: 24, columns: 80 } as const;
/** Seconds between the stop signal and SIGKILL, as Docker waits. */
export const defaultGraceSeconds = 10;
export const defaultLogFileBytes = 20 * 1024 * 1024;
export const defaultLogFiles = 5;
const ordinary: readonly string[] = defaultCapabilities;
/** In the kernel's order. */
const ordinaryCapabilities = capabilityNames.filter((name) => ordinary.includes(name));
/** The network that every engine has. */
export const defaultNetworkName = "bridge";

/** All but a program to run: `{ ...plainSpecification, process: { ...plainSpecification.process, arguments: [...] } }`. */
export const plainSpecification: ContainerSpecification = {
  process: {
    arguments: [],
    environment: [],
    directory: "",
    user: "",
    groups: [],
    terminal: null,
    stdin: "closed",
    init: false,
    limits: [],
    oomScoreAdjust: 0,
  },
  hostname: "",
  domainname: "",
  labels: {},
  annotations: {},
  namespaces: {
    pid: { kind: "private" },
    ipc: { kind: "private" },
    uts: "private",
    cgroup: "private",
    user: "host",
    time: null,
  },
  network: {
    kind: "networks",
    endpoints: [{ network: defaultNetworkName, address: "", mac: "" }],
    ports: [],
  },
  exposed: [],
  resolver: { servers: [], search: [], options: [] },
  hosts: [],
  mounts: [],
  sharedMemoryBytes: defaultShmBytes,
  resources: {
    cgroupParent: "",
    oomKillDisabled: false,
    blockWeights: [],
    blockReadBytes: [],
    blockWriteBytes: [],
    blockReadOperations: [],
    blockWriteOperations: [],
  },
  devices: [],
  deviceRules: [],
  security: {
    privileged: false,
    capabilities: ordinaryCapabilities,
    noNewPrivileges: false,
    seccomp: { kind: "default" },
    maskedPaths: defaultMaskedPaths,
    readonlyPaths: defaultReadonlyPaths,
    sysctls: {},
    rootReadOnly: false,
  },
  log: {
    kind: "files",
    fileBytes: defaultLogFileBytes,
    files: defaultLogFiles,
    details: { labels: [], environment: [], tag: "" },
  },
  restart: { policy: "no", limit: 0 },
  stop: { signal: signalNumbers.SIGTERM, graceSeconds: defaultGraceSeconds },
  removeWhenEnded: false,
  health: null,
};
