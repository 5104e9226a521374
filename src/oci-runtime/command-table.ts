/** All commands: names, flags and words as the other runtimes have them. */
import type { CommandRow } from "./command.ts";
import type { FlagRow } from "./flags.ts";

const bundle: FlagRow = {
  name: "bundle",
  short: "b",
  kind: "text",
  doc: "directory of the bundle (default .)",
};
const consoleSocket: FlagRow = {
  name: "console-socket",
  kind: "text",
  doc: "unix socket that receives the master of the terminal",
};
const pidFile: FlagRow = { name: "pid-file", kind: "text", doc: "file that the process id is written to" };
const pidfdSocket: FlagRow = {
  name: "pidfd-socket",
  kind: "text",
  doc: "unix socket that receives a pidfd of the process",
};
const preserveFds: FlagRow = {
  name: "preserve-fds",
  kind: "text",
  doc: "pass this many descriptors, from 3 on, to the program",
};
const detach: FlagRow = { name: "detach", short: "d", kind: "switch", doc: "do not wait for the program" };
const creation: readonly FlagRow[] = [
  bundle,
  consoleSocket,
  pidFile,
  { name: "no-pivot", kind: "switch", doc: "change the root without pivot_root" },
  { name: "no-new-keyring", kind: "switch", doc: "keep the caller's session keyring" },
  preserveFds,
];
const format = (words: string): FlagRow => ({ name: "format", short: "f", kind: "text", doc: words });

const checkpointFlags: readonly FlagRow[] = [
  { name: "image-path", kind: "text", doc: "directory of the image" },
  { name: "work-path", kind: "text", doc: "directory for logs" },
  { name: "parent-path", kind: "text", doc: "image that this one builds on" },
  { name: "leave-running", kind: "switch", doc: "do not stop the container" },
  { name: "tcp-established", kind: "switch", doc: "allow open TCP connections" },
  { name: "tcp-skip-in-flight", kind: "switch", doc: "skip TCP connections that are being made" },
  { name: "ext-unix-sk", kind: "switch", doc: "allow external unix sockets" },
  { name: "shell-job", kind: "switch", doc: "allow shell jobs" },
  { name: "lazy-pages", kind: "switch", doc: "restore memory on demand" },
  { name: "status-fd", kind: "text", doc: "descriptor that is told when lazy pages are ready" },
  { name: "page-server", kind: "text", doc: "address of a page server" },
  { name: "file-locks", kind: "switch", doc: "handle file locks" },
  { name: "pre-dump", kind: "switch", doc: "dump memory only" },
  { name: "manage-cgroups-mode", kind: "text", doc: "what happens to cgroups" },
  { name: "empty-ns", kind: "list", doc: "make a namespace without restoring its content" },
  { name: "auto-dedup", kind: "switch", doc: "remove duplicate memory" },
];

const restoreFlags: readonly FlagRow[] = [
  { name: "no-subreaper", kind: "switch", doc: "do not wait for orphans" },
  { name: "lsm-profile", kind: "text", doc: "apparmor:NAME or selinux:LABEL instead of the saved one" },
  { name: "lsm-mount-context", kind: "text", doc: "SELinux label of mounts instead of the saved one" },
];

const resourceFlags: readonly FlagRow[] = [
  {
    name: "resources",
    short: "r",
    kind: "text",
    doc: "file with the resources as JSON, - for standard input",
  },
  { name: "blkio-weight", kind: "text", doc: "weight of block I/O, 10 to 1000" },
  { name: "cpu-period", kind: "text", doc: "microseconds" },
  { name: "cpu-quota", kind: "text", doc: "microseconds" },
  { name: "cpu-burst", kind: "text", doc: "microseconds" },
  { name: "cpu-share", kind: "text", doc: "relative weight" },
  { name: "cpu-rt-period", kind: "text", doc: "microseconds" },
  { name: "cpu-rt-runtime", kind: "text", doc: "microseconds" },
  { name: "cpu-idle", kind: "text", doc: "1: only when nothing else runs" },
  { name: "cpuset-cpus", kind: "text", doc: "processors, such as 0-2,7" },
  { name: "cpuset-mems", kind: "text", doc: "memory nodes" },
  { name: "kernel-memory", kind: "text", doc: "accepted and ignored" },
  { name: "kernel-memory-tcp", kind: "text", doc: "bytes of TCP buffers (cgroup v1)" },
  { name: "memory", kind: "text", doc: "bytes" },
  { name: "memory-reservation", kind: "text", doc: "bytes" },
  { name: "memory-swap", kind: "text", doc: "bytes of memory and swap, -1 for no limit" },
  { name: "pids-limit", kind: "text", doc: "processes, -1 for no limit" },
  { name: "l3-cache-schema", kind: "text", doc: "Intel RDT: shares of the L3 cache, such as L3:0=ff" },
  { name: "mem-bw-schema", kind: "text", doc: "Intel RDT: shares of memory bandwidth, such as MB:0=50" },
];

const execFlags: readonly FlagRow[] = [
  consoleSocket,
  pidFile,
  pidfdSocket,
  preserveFds,
  detach,
  { name: "cwd", kind: "text", doc: "working directory" },
  { name: "env", short: "e", kind: "list", doc: "variable KEY=value" },
  { name: "tty", short: "t", kind: "switch", doc: "give it a terminal" },
  { name: "user", short: "u", kind: "text", doc: "uid[:gid]" },
  { name: "additional-gids", short: "g", kind: "list", doc: "one more group" },
  { name: "process", short: "p", kind: "text", doc: "file with the process as JSON" },
  { name: "process-label", kind: "text", doc: "SELinux label" },
  { name: "apparmor", kind: "text", doc: "AppArmor profile" },
  { name: "no-new-privs", kind: "switch", doc: "set no_new_privs" },
  { name: "cap", short: "c", kind: "list", doc: "one more capability" },
  { name: "cgroup", kind: "list", doc: "group below the container's" },
  { name: "ignore-paused", kind: "switch", doc: "do not refuse a paused container" },
];

export const commands: Readonly<Record<string, CommandRow>> = {
  create: {
    usage: "create [flags] ID",
    doc: "make a container; start runs its program",
    flags: [...creation, pidfdSocket],
    words: [1, 1],
    resident: true,
    run: async () => (await import("./commands/create.ts")).create,
  },
  start: {
    usage: "start ID",
    doc: "run the program of a created container",
    flags: [],
    words: [1, 1],
    resident: true,
    leavesHelper: true,
    run: async () => (await import("./commands/start.ts")).start,
  },
  run: {
    usage: "run [flags] ID",
    doc: "create and start",
    flags: [
      ...creation,
      pidfdSocket,
      detach,
      { name: "keep", kind: "switch", doc: "do not delete the container at its end" },
      { name: "no-subreaper", kind: "switch", doc: "do not wait for orphans" },
    ],
    words: [1, 1],
    resident: true,
    leavesHelper: true,
    run: async () => (await import("./commands/run.ts")).run,
  },
  state: {
    usage: "state ID",
    doc: "print the state document",
    flags: [],
    words: [1, 1],
    resident: true,
    run: async () => (await import("./commands/state.ts")).state,
  },
  kill: {
    usage: "kill [--all] ID [SIGNAL]",
    doc: "send a signal, TERM unless said",
    flags: [{ name: "all", short: "a", kind: "switch", doc: "to every process of the container" }],
    words: [1, 2],
    resident: true,
    run: async () => (await import("./commands/kill.ts")).kill,
  },
  delete: {
    usage: "delete [--force] ID",
    doc: "remove a stopped container",
    flags: [{ name: "force", short: "f", kind: "switch", doc: "kill it first; a missing one is fine" }],
    words: [1, 1],
    resident: true,
    run: async () => (await import("./commands/delete.ts")).deleteContainer,
  },
  exec: {
    usage: "exec [flags] ID [PROGRAM [ARGUMENT...]]",
    doc: "run one more program in a container",
    flags: execFlags,
    words: [1, Number.POSITIVE_INFINITY],
    stopAtWord: true,
    failureCode: 255,
    resident: true,
    run: async () => (await import("./commands/exec.ts")).exec,
  },
  ps: {
    usage: "ps [--format json] ID [PS-OPTION...]",
    doc: "list the processes",
    flags: [format("table or json")],
    words: [1, Number.POSITIVE_INFINITY],
    stopAtWord: true,
    run: async () => (await import("./commands/ps.ts")).ps,
  },
  list: {
    usage: "list [flags]",
    doc: "list the containers below the root",
    flags: [format("table or json"), { name: "quiet", short: "q", kind: "switch", doc: "ids only" }],
    words: [0, 0],
    resident: true,
    run: async () => (await import("./commands/list.ts")).list,
  },
  pause: {
    usage: "pause ID",
    doc: "stop every process where it is",
    flags: [],
    words: [1, 1],
    run: async () => (await import("./commands/pause.ts")).pause,
  },
  resume: {
    usage: "resume ID",
    doc: "let a paused container go on",
    flags: [],
    words: [1, 1],
    run: async () => (await import("./commands/pause.ts")).resume,
  },
  update: {
    usage: "update [flags] ID",
    doc: "change limits",
    flags: resourceFlags,
    words: [1, 1],
    run: async () => (await import("./commands/update.ts")).update,
  },
  events: {
    usage: "events [--stats] [--interval DURATION] ID",
    doc: "print statistics as JSON lines",
    flags: [
      { name: "stats", kind: "switch", doc: "once" },
      { name: "interval", kind: "text", doc: "how often, such as 5s" },
    ],
    words: [1, 1],
    run: async () => (await import("./commands/events.ts")).events,
  },
  features: {
    usage: "features",
    doc: "print what this runtime can do",
    flags: [],
    words: [0, 0],
    run: async () => (await import("./commands/features.ts")).features,
  },
  spec: {
    usage: "spec [--bundle DIR] [--rootless]",
    doc: "write a config.json to begin with",
    flags: [bundle, { name: "rootless", kind: "switch", doc: "for an ordinary user" }],
    words: [0, 0],
    run: async () => (await import("./commands/spec.ts")).spec,
  },
  checkpoint: {
    usage: "checkpoint [flags] ID",
    doc: "save a container through criu",
    flags: checkpointFlags,
    words: [1, 1],
    run: async () => (await import("./commands/checkpoint.ts")).checkpoint,
  },
  restore: {
    usage: "restore [flags] ID",
    doc: "start a saved container through criu",
    flags: [...checkpointFlags, ...creation, detach, ...restoreFlags],
    words: [1, 1],
    run: async () => (await import("./commands/restore.ts")).restore,
  },
};
