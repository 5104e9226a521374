/**
 * The wire between TypeScript and the executor, declared once. `tools/generate.ts` makes
 * `executor/generated/abi.h` from it; `encode.ts` writes plans with it; CI fails when the header is stale.
 *
 * A plan is one little-endian blob in a sealed memfd:
 *
 *   header | ops (variable records, 8-byte aligned) | string pool (NUL-terminated) and blobs
 *
 * Every op starts with the op header {u16 code, u16 size, u16 stage, u16 flags}; then its fields, each aligned
 * to its own size. Reference fields point into the pool by byte offset. The executor re-checks all of it.
 *
 * Slots are the executor's own table of file descriptors. Slots below `header.receivedCount` arrive with the
 * START message (SCM_RIGHTS, in order); ops fill the others. `slotNone` (0xffffffff) stands for AT_FDCWD or
 * "none", as the field says.
 */

export const planMagic = 0x4e_4c_50_54; // "TPLN"
export const abiVersion = 1;

/** What the executor is called, and the descriptor on which its first controller is. */
export const executorName = "tiffin-executor";
export const controlFd = 3;

/** Room for a pid that the executor writes into a text: it is padded with spaces. */
export const pidBytes = 10;

export const limits = {
  planBytes: 16 * 1024 * 1024,
  ops: 65_536,
  /** All of them may be open at once, and a process may have 1024 files open unless it is allowed more. */
  slots: 768,
  /** With the plan itself as many as the kernel takes in one message (SCM_MAX_FD). */
  receivedFds: 252,
  stringBytes: 1024 * 1024,
  attachClients: 64,
  reportObjectBytes: 512,
  /** Numbers that `dup2` may give are below this. */
  fixedFds: 1024,
  /** Plans with more ops are started without telling how long each took: the message must fit a socket's buffer. */
  timedOps: 4096,
} as const;

/** The plan's header, all u32. Offsets count from the start of the plan; references count from `poolOffset`. */
export const headerFields = [
  "magic",
  "version",
  "totalBytes",
  "opCount",
  /** Ops lie between the end of the header and `poolOffset`, which is a multiple of 8. */
  "poolOffset",
  "receivedCount",
  "slotCount",
  "reserved",
] as const;

/**
 * How an option of `fsMount` names a slot: `{slot:N}` becomes /proc/self/fd/<its descriptor>, `{fd:N}` the number alone,
 * which is a path when the working directory is /proc/self/fd.
 */
export const slotReference = { path: "{slot:", number: "{fd:" } as const;

/** What `moveMount` does about a target that is missing. `plainDirectory`: where a symbolic link is not followed. */
export const missingTarget = { refuse: 0, directory: 1, file: 2, plainDirectory: 3 } as const;

export const slotNone = 0xffff_ffff;
export const stringNone = 0xffff_ffff;

/**
 * Where an op runs. `prepare`: in the supervisor, before the clone. `parent`: in the supervisor, after the
 * clone, while the child waits or works. `child`: in the new process. `clone` itself divides them.
 */
export const stages = { prepare: 0, parent: 1, child: 2 } as const;
export type Stage = keyof typeof stages;

export type FieldType =
  /** Plain integers. */
  | "u32"
  | "i32"
  | "u64"
  | "i64"
  /** Index into the slot table: a descriptor that was received or that an earlier op of this process made. */
  | "slot"
  /** The same, or `slotNone`. As `dir` or `root`, none stands for the root directory of the process. */
  | "slotOrNone"
  /** A slot that this op fills; it must be empty. The decoder checks this flow for every plan. */
  | "newSlot"
  | "newSlotOrNone"
  /** Offset of a NUL-terminated string. */
  | "string"
  /** The same, or `stringNone` for null. */
  | "stringOrNone"
  /** u32 offset, u32 count: `count` consecutive NUL-terminated strings. */
  | "strings"
  /** u32 offset, u32 length: raw bytes, 8-byte aligned. */
  | "blob";

export interface OpSchema {
  readonly code: number;
  readonly doc: string;
  readonly stages: readonly Stage[];
  readonly fields: Readonly<Record<string, FieldType>>;
  /** Kernel calls inside the op, in order; a failure names one of them as its step. */
  readonly steps: readonly string[];
}

const everywhere = ["prepare", "parent", "child"] as const;

/**
 * All operations. Codes are never reused. Names are kernel words.
 *
 * "Target in root" fields (`root` + `path`): the path is resolved with openat2(RESOLVE_IN_ROOT |
 * RESOLVE_NO_MAGICLINKS) below the directory in slot `root`, so no symlink in an image can lead out of it.
 */
export const ops = {
  open: {
    code: 1,
    doc: "openat2: open `path` below `dir` (slotNone: the host's root) into `out`",
    stages: everywhere,
    fields: { out: "newSlot", dir: "slotOrNone", path: "string", flags: "u64", mode: "u32", resolve: "u64" },
    steps: ["openat2"],
  },
  close: {
    code: 2,
    doc: "close a slot early",
    stages: everywhere,
    fields: { slot: "slot" },
    steps: ["close"],
  },
  fsMount: {
    code: 3,
    doc: "new detached mount: fsopen, fsconfig each option (`flag` or `key=value`, in order), create, fsmount. `attributes` are MOUNT_ATTR_*. An option value may contain {slot:N}, replaced by /proc/self/fd/<fd of slot N>, and {fd:N}, replaced by the number alone (`slotReference`)",
    stages: everywhere,
    fields: { out: "newSlot", type: "string", source: "stringOrNone", options: "strings", attributes: "u64" },
    steps: ["fsopen", "fsconfig", "create", "fsmount"],
  },
  openTree: {
    code: 4,
    doc: "open_tree: a detached clone (or, without OPEN_TREE_CLONE, a handle) of `path` below `dir`; `path` null means the object in slot `dir` itself",
    stages: everywhere,
    fields: { out: "newSlot", dir: "slotOrNone", path: "stringOrNone", flags: "u32" },
    steps: ["openat2", "open_tree"],
  },
  mountSetattr: {
    code: 5,
    doc: "mount_setattr on the mount in slot `mount` (or on `path` below it): set and clear MOUNT_ATTR_*, change propagation, or idmap through the user namespace in slot `userns`. `flags` may carry AT_RECURSIVE",
    stages: everywhere,
    fields: {
      mount: "slot",
      path: "stringOrNone",
      flags: "u32",
      userns: "slotOrNone",
      set: "u64",
      clear: "u64",
      propagation: "u64",
    },
    steps: ["mount_setattr"],
  },
  moveMount: {
    code: 6,
    doc: "attach the detached mount in slot `mount` at target `path` in `root`. `create` makes a missing target: 0 no, 1 directory, 2 empty file (mode `mode`), 3 directory, where a symbolic link is not followed (`missingTarget`); parents as 0755 directories; all inside root",
    stages: ["prepare", "child"],
    fields: { mount: "slot", root: "slotOrNone", path: "string", create: "u32", mode: "u32" },
    steps: ["create", "openat2", "move_mount"],
  },
  umount: {
    code: 7,
    doc: "umount2 the target in root, through the process's own directory of descriptors: the one in slot `descriptors`, where /proc is somebody else's, or /proc/self/fd",
    stages: ["child"],
    fields: { root: "slotOrNone", path: "string", flags: "u32", descriptors: "slotOrNone" },
    steps: ["openat2", "fchdir", "umount2"],
  },
  mkdir: {
    code: 8,
    doc: "make directory `path` in root with missing parents (0755); an existing directory is fine. `uid`/`gid`/`mode` apply to a directory that this op created",
    stages: everywhere,
    fields: { root: "slotOrNone", path: "string", mode: "u32", uid: "u32", gid: "u32" },
    steps: ["mkdirat", "fchown"],
  },
  symlink: {
    code: 9,
    doc: "make symbolic link `path` in root; an existing entry of that name is left as it is",
    stages: ["prepare", "child"],
    fields: { root: "slotOrNone", path: "string", target: "string" },
    steps: ["openat2", "symlinkat"],
  },
  mknod: {
    code: 10,
    doc: "make the device `path` in root, then set owner and exact mode; one of the same kind and number that is there is left as it is",
    stages: ["prepare", "child"],
    fields: { root: "slotOrNone", path: "string", mode: "u32", uid: "u32", gid: "u32", device: "u64" },
    steps: ["openat2", "mknodat", "fchownat"],
  },
  createFile: {
    code: 11,
    doc: "make regular file `path` in root with exactly this content, mode and owner",
    stages: ["prepare", "child"],
    fields: { root: "slotOrNone", path: "string", mode: "u32", uid: "u32", gid: "u32", content: "blob" },
    steps: ["openat2", "write", "fchown"],
  },
  write: {
    code: 12,
    doc: "write `data` in one write(2) to `path` below `dir` (RESOLVE_IN_ROOT | NO_MAGICLINKS | NO_XDEV), or to the open file in slot `dir` when `path` is null. For /proc, sysctls and cgroup files",
    stages: everywhere,
    fields: { dir: "slotOrNone", path: "stringOrNone", data: "blob" },
    steps: ["openat2", "write"],
  },
  setns: {
    code: 13,
    doc: "setns(slot, nstype); nstype 0 accepts any, a pidfd takes several",
    stages: everywhere,
    fields: { slot: "slot", nstype: "u32" },
    steps: ["setns"],
  },
  unshare: {
    code: 14,
    doc: "unshare(flags)",
    stages: everywhere,
    fields: { flags: "u64" },
    steps: ["unshare"],
  },
  clone: {
    code: 15,
    doc: "clone3 with `flags`; `cgroup` (cgroup v2 directory) adds CLONE_INTO_CGROUP unless slotNone. The child goes on with the `child` ops, the supervisor with the `parent` ops. Exactly one per plan, after all other `prepare` ops",
    stages: ["prepare"],
    fields: { flags: "u64", cgroup: "slotOrNone" },
    steps: ["clone3"],
  },
  idMap: {
    code: 16,
    doc: "write uid_map, gid_map and (deny: 1) setgroups of the child",
    stages: ["parent"],
    fields: { uidMap: "string", gidMap: "string", denySetgroups: "u32" },
    steps: ["setgroups", "uid_map", "gid_map"],
  },
  signalPeer: {
    code: 17,
    doc: "tell the other process (child or supervisor) that `mark` has been reached; marks grow",
    stages: ["parent", "child"],
    fields: { mark: "u32" },
    steps: ["write"],
  },
  awaitPeer: {
    code: 18,
    doc: "wait until the other process has reached `mark` or a later one",
    stages: ["parent", "child"],
    fields: { mark: "u32" },
    steps: ["read"],
  },
  sync: {
    code: 19,
    doc: "report SYNC{id, pid} to the controller and wait for its GO{id}; for steps that only the engine can do, such as moving a link into the new network namespace",
    stages: ["parent"],
    fields: { id: "u32" },
    steps: ["send", "receive"],
  },
  pivotRoot: {
    code: 20,
    doc: "make the mount in slot `root` the root: fchdir, pivot_root(., .), detach the old root, chdir /",
    stages: ["child"],
    fields: { root: "slot" },
    steps: ["fchdir", "pivot_root", "umount2", "chdir"],
  },
  setHostname: {
    code: 21,
    doc: "sethostname",
    stages: ["child"],
    fields: { name: "string" },
    steps: ["sethostname"],
  },
  setDomainname: {
    code: 22,
    doc: "setdomainname",
    stages: ["child"],
    fields: { name: "string" },
    steps: ["setdomainname"],
  },
  maskPath: {
    code: 23,
    doc: "hide target `path` in root: a directory under the empty read-only mount in slot `empty`, anything else under the null device in slot `nullDevice` (checked to be character device 1:3); a missing path is fine",
    stages: ["child"],
    fields: { root: "slotOrNone", path: "string", empty: "slot", nullDevice: "slot" },
    steps: ["openat2", "open_tree", "fstat", "move_mount"],
  },
  readonlyPath: {
    code: 24,
    doc: "cover target `path` in root with a read-only recursive bind of itself; a missing path is fine",
    stages: ["child"],
    fields: { root: "slotOrNone", path: "string" },
    steps: ["openat2", "open_tree", "mount_setattr", "move_mount"],
  },
  pty: {
    code: 25,
    doc: "open a new pseudo terminal from `path` (a devpts ptmx) in root with window size rows x columns, hand its master to the supervisor, make it the child's stdin, stdout, stderr and controlling terminal, owned by uid; bind it on /dev/console in root when `console` is 1",
    stages: ["child"],
    fields: {
      root: "slotOrNone",
      path: "string",
      rows: "u32",
      columns: "u32",
      uid: "u32",
      gid: "u32",
      console: "u32",
    },
    steps: ["openat2", "unlock", "peer", "winsize", "chown", "console", "setsid", "ctty", "send"],
  },
  pipe: {
    code: 26,
    doc: "pipe2(O_CLOEXEC) into two slots; owner of both ends becomes uid:gid so that the container's user may reopen /dev/stdout",
    stages: ["prepare"],
    fields: { read: "newSlot", write: "newSlot", uid: "u32", gid: "u32" },
    steps: ["pipe2", "fchown"],
  },
  dup2: {
    code: 27,
    doc: "dup3 the slot onto fd number `fd` (0, 1, 2 or a preserved one), without CLOEXEC",
    stages: ["child"],
    fields: { slot: "slot", fd: "u32" },
    steps: ["dup3"],
  },
  setsid: {
    code: 28,
    doc: "setsid",
    stages: ["child"],
    fields: {},
    steps: ["setsid"],
  },
  setRlimit: {
    code: 29,
    doc: "prlimit64 on the calling process",
    stages: ["child"],
    fields: { resource: "u32", soft: "u64", hard: "u64" },
    steps: ["prlimit64"],
  },
  keyring: {
    code: 30,
    doc: "join a new session keyring of this name; EPERM/ENOSYS/EDQUOT are reported as a failure like any other",
    stages: ["child"],
    fields: { name: "string" },
    steps: ["keyctl"],
  },
  prctl: {
    code: 31,
    doc: "prctl with an option from the executor's list (no_new_privs, keepcaps, securebits, dumpable, pdeathsig, child_subreaper). The executor of root is not dumpable, so a child in a user namespace that writes to its own /proc/self must set dumpable to 1 after `setIds`, and so must a supervisor whose root is that of a user namespace, in `prepare`",
    stages: ["prepare", "child"],
    fields: { option: "u32", value: "u64" },
    steps: ["prctl"],
  },
  dropBounding: {
    code: 32,
    doc: "drop every capability that is not in `keep` from the bounding set",
    stages: ["child"],
    fields: { keep: "u64" },
    steps: ["prctl"],
  },
  setGroups: {
    code: 33,
    doc: "setgroups to the u32 list in `groups`; with `mayBeForbidden` 1 a process whose user namespace forbids it (EPERM) keeps those that it has",
    stages: ["prepare", "child"],
    fields: { groups: "blob", mayBeForbidden: "u32" },
    steps: ["setgroups"],
  },
  setIds: {
    code: 34,
    doc: "setresgid then setresuid, all three ids alike",
    stages: ["child"],
    fields: { uid: "u32", gid: "u32" },
    steps: ["setresgid", "setresuid"],
  },
  setCapabilities: {
    code: 35,
    doc: "capset, then raise exactly the ambient set",
    stages: ["child"],
    fields: { effective: "u64", permitted: "u64", inheritable: "u64", ambient: "u64" },
    steps: ["capset", "ambient"],
  },
  umask: {
    code: 36,
    doc: "umask; until then modes of new files are exact, and a plan without this op execs with 022",
    stages: ["child"],
    fields: { mask: "u32" },
    steps: ["umask"],
  },
  chdir: {
    code: 37,
    doc: "chdir, in the child after pivotRoot; refuses a directory that getcwd cannot reach from the root",
    stages: ["prepare", "child"],
    fields: { path: "string" },
    steps: ["chdir", "getcwd"],
  },
  seccomp: {
    code: 38,
    doc: "install the BPF program (struct sock_filter array) with seccomp flags; a listener fd goes to slot `listener` unless slotNone",
    stages: ["child"],
    fields: { program: "blob", flags: "u32", listener: "newSlotOrNone" },
    steps: ["seccomp"],
  },
  closeFrom: {
    code: 39,
    doc: "mark every fd from `first` on CLOEXEC",
    stages: ["child"],
    fields: { first: "u32" },
    steps: ["close_range"],
  },
  init: {
    code: 40,
    doc: "fork: this process stays as PID 1, forwards signals, reaps orphans and exits as the main process does (128+n after a signal); the new process goes on with the plan. Before `pty` or `setsid`, the main process becomes the session leader; after `pty`, the foreground job",
    stages: ["child"],
    fields: {},
    steps: ["fork"],
  },
  exec: {
    code: 41,
    doc: "execve the first of `candidates` that exists; default signal handling and mask. ENOENT and ENOTDIR try the next candidate, EACCES is remembered",
    stages: ["child"],
    fields: { candidates: "strings", arguments: "strings", environment: "strings" },
    steps: ["execve"],
  },
  supervise: {
    code: 42,
    doc: "last parent op: keep the child's stdio and life. Pipe ends are slots (slotNone: absent); with `terminal` 1 the pty master from the child serves all three. `logDirectory` (slotNone: no logs) receives the log files (see `logRecord`); `record` is a preallocated file for the exit record; `oomFile` is memory.oom_control (v1) or memory.events (v2), read at exit. `logFileBytes` 0: one file without limit; else the container's output in a file is at most that, and the file at most twice that. `stdinOnce` 1 closes stdin when the first attached client that sends it ends",
    stages: ["parent"],
    fields: {
      stdin: "slotOrNone",
      stdout: "slotOrNone",
      stderr: "slotOrNone",
      terminal: "u32",
      stdinOnce: "u32",
      logDirectory: "slotOrNone",
      logFileBytes: "u64",
      logFiles: "u32",
      record: "slotOrNone",
      oomFile: "slotOrNone",
      clients: "blob",
    },
    steps: ["setup"],
  },
  leave: {
    code: 43,
    doc: "last parent op in OCI runtime mode: report STARTED (or wait for the exec when `waitExec` is 1) and exit, leaving the child to the caller. The master of a `pty` op is sent along with STARTED (SCM_RIGHTS)",
    stages: ["parent"],
    fields: { waitExec: "u32" },
    steps: ["report"],
  },
  findProgram: {
    code: 44,
    doc: "check that one of `candidates` is a regular file that may be executed, before the process is held: a later exec may still fail, but not for the common reason",
    stages: ["child"],
    fields: { candidates: "strings" },
    steps: ["faccessat"],
  },
  awaitStart: {
    code: 45,
    doc: "wait until somebody connects to the listening socket in `listener` (OCI start). A later failure of the child is sent there as a `failed` message whose `op` is the op's code; end of file without one means that the program runs",
    stages: ["child"],
    fields: { listener: "slot" },
    steps: ["accept4"],
  },
  hook: {
    code: 46,
    doc: "run the program `path` in the namespaces of the child and wait for it: `input` on its stdin, its other streams and its ids as the child has them. The child's pid as its namespace counts is written, padded with spaces, over the 10 bytes at `pidOffset` of the input. `timeoutMs`, 0 for no limit, runs while the input is not read as well; then it is killed. Any end but exit 0 fails",
    stages: ["child"],
    fields: {
      path: "string",
      arguments: "strings",
      environment: "strings",
      input: "blob",
      pidOffset: "u32",
      timeoutMs: "u32",
    },
    steps: ["pipe2", "fork", "write", "wait"],
  },
  personality: {
    code: 47,
    doc: "personality",
    stages: ["child"],
    fields: { persona: "u32" },
    steps: ["personality"],
  },
  setScheduler: {
    code: 48,
    doc: "sched_setattr on the calling process",
    stages: ["child"],
    fields: {
      policy: "u32",
      nice: "i32",
      flags: "u64",
      priority: "u32",
      runtime: "u64",
      deadline: "u64",
      period: "u64",
    },
    steps: ["sched_setattr"],
  },
  setIoPriority: {
    code: 49,
    doc: "ioprio_set on the calling process; `value` is class << 13 | priority",
    stages: ["child"],
    fields: { value: "u32" },
    steps: ["ioprio_set"],
  },
  setAffinity: {
    code: 50,
    doc: "sched_setaffinity on the calling process; `mask` is a bit mask of processors",
    stages: ["child"],
    fields: { mask: "blob" },
    steps: ["sched_setaffinity"],
  },
  setMemoryPolicy: {
    code: 51,
    doc: "set_mempolicy; `nodes` is a bit mask of memory nodes, empty for none",
    stages: ["child"],
    fields: { mode: "u32", nodes: "blob" },
    steps: ["set_mempolicy"],
  },
  moveRoot: {
    code: 52,
    doc: "move the mount in slot `root` over the root where pivot_root cannot (the host runs from its initial ram disk): fchdir, mount(., /, MS_MOVE). The old root stays below it, and that of the process until `chroot`",
    stages: ["child"],
    fields: { root: "slot" },
    steps: ["fchdir", "mount"],
  },
  passListener: {
    code: 53,
    doc: "wait until the child has installed its seccomp filter with a listener, take the listener out of it and send it with `message` to the connected stream socket in `socket`; the child waits for that, without a system call. The child's pid is written, padded with spaces, over the 10 bytes at each offset (u32) of `pidOffsets`",
    stages: ["parent"],
    fields: { socket: "slot", message: "blob", pidOffsets: "blob" },
    steps: ["wait", "pidfd_getfd", "sendmsg"],
  },
  copyTree: {
    code: 54,
    doc: "copy what the directory `path` in root contains into the directory in slot `to`: files, directories, links, devices, with owners and modes, and its own owner and mode unless `keepTop` is 1. Symbolic links of the source are never followed; a missing path is fine",
    stages: ["child"],
    fields: { root: "slotOrNone", path: "string", to: "slot", keepTop: "u32" },
    steps: ["openat2", "read", "create", "write", "attributes"],
  },
  reconfigure: {
    code: 55,
    doc: "change the file system of the mount in slot `mount`: fspick, fsconfig each option (`flag` or `key=value`, in order), reconfigure",
    stages: ["child"],
    fields: { mount: "slot", options: "strings" },
    steps: ["fspick", "fsconfig", "reconfigure"],
  },
  loopbackUp: {
    code: 56,
    doc: "set the interface lo of the network namespace up, which gives it its addresses; left as it is where that is not permitted or the kernel has no IPv4",
    stages: ["child"],
    fields: {},
    steps: ["socket", "ioctl"],
  },
  chroot: {
    code: 57,
    doc: "make the directory in slot `root` that of the process: fchdir, chroot(.), chdir /",
    stages: ["child"],
    fields: { root: "slot" },
    steps: ["fchdir", "chroot", "chdir"],
  },
  copyMode: {
    code: 58,
    doc: "give the directory in slot `to` the permission bits of the directory `path` in root; a missing path is fine",
    stages: ["child"],
    fields: { root: "slotOrNone", path: "string", to: "slot" },
    steps: ["openat2", "fchmod"],
  },
  finish: {
    code: 59,
    doc: "end the child well, in the place of an exec: the plan was all that it was for",
    stages: ["child"],
    fields: {},
    steps: ["exit"],
  },
  listen: {
    code: 60,
    doc: "make a unix socket that listens at `path`, one name in the directory in slot `dir`",
    stages: ["prepare"],
    fields: { out: "newSlot", dir: "slot", path: "string" },
    steps: ["socket", "bind", "listen"],
  },
  run: {
    code: 62,
    doc: "run the program `path` with the child's streams and wait for it; it ends with the child. Any end but exit 0 fails, with the end of `logFile` in the directory in slot `dir` as the reason",
    stages: ["child"],
    fields: { path: "string", arguments: "strings", environment: "strings", dir: "slot", logFile: "string" },
    steps: ["fork", "wait"],
  },
  adopt: {
    code: 61,
    doc: "the child's program is another OCI runtime: once it runs, wait for its end and take over the process that it (or a `run` before it) has left, whose number it has written into `pidFile` in the directory in slot `dir`. That must be a child of the supervisor (which needs PR_SET_CHILD_SUBREAPER, given up here) whose root is the one in slot `root`. `flags`: namespaces (CLONE_*) that it has of its own. With `listener` the master of its terminal comes over that socket. Where the runtime fails, the end of `logFile` is the reason",
    stages: ["parent"],
    fields: {
      flags: "u64",
      dir: "slot",
      pidFile: "string",
      logFile: "string",
      root: "slot",
      listener: "slotOrNone",
    },
    steps: ["wait", "pid", "pidfd_open", "waitid", "root"],
  },
} as const satisfies Record<string, OpSchema>;

export type OpName = keyof typeof ops;

type FieldValue<T extends FieldType> = T extends "u64" | "i64"
  ? bigint | number
  : T extends "string"
    ? string
    : T extends "stringOrNone"
      ? string | null
      : T extends "strings"
        ? readonly string[]
        : T extends "blob"
          ? Uint8Array
          : number;

/** The fields of one op as TypeScript writes them. */
export type OpFields<N extends OpName> = {
  readonly [F in keyof (typeof ops)[N]["fields"]]: (typeof ops)[N]["fields"][F] extends FieldType
    ? FieldValue<(typeof ops)[N]["fields"][F]>
    : never;
};

/**
 * What an attach client wants. Initial clients stand in `supervise.clients` as pairs of u32 {slot, attachFlags}.
 * With `logs` the executor first sends 8 raw bytes, u64: how much output the container had written to its log before
 * what this client gets, so that a reader of the files joins it without gap or duplicate (see `logRecord`).
 */
export const attachFlags = { stdin: 1, stdout: 2, stderr: 4, logs: 8 } as const;

/**
 * Messages on a control connection (SOCK_STREAM), both directions: u32 type, u32 body length, body.
 * The first connection is the socketpair given to a new executor as fd 3; later ones come through the listener
 * socket `argv[1]`. Connections from the listener are accepted from the executor's own uid only (SO_PEERCRED).
 */
export const messages = {
  /**
   * controller -> executor, once, with fds by SCM_RIGHTS: first the plan memfd, then slots 0.. `fdCount` counts
   * them all, so it is the plan's `receivedCount` + 1.
   */
  start: { type: 1, fields: { fdCount: "u32" } },
  /** controller -> executor: answer to `synced`. */
  go: { type: 2, fields: { id: "u32" } },
  /** controller -> executor: window size of the pty. */
  resize: { type: 3, fields: { rows: "u32", columns: "u32" } },
  /** controller -> executor: send a signal to the main process. Before STARTED, SIGKILL gives the start up. */
  signal: { type: 4, fields: { number: "u32" } },
  /** controller -> executor: ask for `status`. */
  query: { type: 5, fields: {} },
  /**
   * controller -> executor: this connection becomes a byte stream. Executor to client: with a pty the raw
   * bytes, else Docker's 8-byte frames {stream 1|2, 0,0,0, u32 big-endian length}. Client to executor: raw
   * stdin; end of file there closes the client's stdin side. The executor closes when all output has ended.
   */
  attach: { type: 6, fields: { flags: "u32" } },
  /** controller -> executor: close the container's stdin. */
  closeStdin: { type: 7, fields: {} },
  /** executor -> controller: a `sync` op was reached. */
  synced: { type: 16, fields: { id: "u32", pid: "u32" } },
  /**
   * executor -> controller: execve succeeded. Times are CLOCK_MONOTONIC nanoseconds since START was read. A supervisor sends u32
   * numbers after it, one for each op of the plan: how long that took, in `opTimeUnitNs`.
   */
  started: { type: 17, fields: { pid: "u32", reserved: "u32", cloneNs: "u64", execNs: "u64" } },
  /**
   * executor -> controller: the plan failed; `objectBytes` bytes follow: the object (path, option, program), and
   * where the kernel explained itself (fscontext log) or a check of the decoder failed, a NUL and that text.
   * A plan that is refused as malformed has errno EBADMSG; a child that ended before its exec has errno ECHILD
   * and `ended by signal N` or `exited with N` as text. Nothing is left; the executor exits with status 1.
   */
  failed: { type: 18, fields: { op: "u32", step: "u32", errno: "u32", objectBytes: "u32" } },
  /**
   * executor -> every control connection that has sent a message: the main process ended, its output is in the logs and in the queues of
   * the attach clients (a client has everything when its connection ends), and the record is written. A
   * connection that has not sent a message until then is closed without one.
   */
  exited: {
    type: 19,
    fields: { pid: "u32", waitStatus: "u32", oomKilled: "u32", reserved: "u32", finishedAtNs: "u64" },
  },
  /** executor -> controller: answer to `query`, with one of `phases`. */
  status: { type: 20, fields: { phase: "u32", pid: "u32", startedAtNs: "u64" } },
  /**
   * A command of the OCI runtime may be decided by a resident helper. The front is the small program that was called,
   * and after `become` the executor in its place; it speaks with the helper in these and in the words above.
   *
   * helper -> front, first: the helper may stand in for this caller, and waits for its request.
   */
  hello: { type: 32, fields: {} },
  /**
   * front -> helper, once, with descriptors 0, 1 and 2: `bytes` bytes follow, all NUL-terminated: the working directory,
   * `argumentCount` words of the command line, and the environment.
   */
  request: { type: 33, fields: { bytes: "u32", argumentCount: "u32" } },
  /**
   * helper -> front, with the executor's binary: go on as that program, at once; `start` or another word follows.
   * `keepSignals` 1: signals that come before the program runs are for it (see `awaitExit`); else they end the caller.
   */
  become: { type: 34, fields: { keepSignals: "u32" } },
  /** helper -> front: write the `bytes` bytes that follow to descriptor `fd`, 1 or 2. */
  output: { type: 35, fields: { fd: "u32", bytes: "u32" } },
  /** helper -> front, after `started`: pass these signals (bit n - 1 for signal n) on to the program and report `exited`. */
  awaitExit: { type: 36, fields: { reserved: "u32", reserved2: "u32", signals: "u64" } },
  /** helper -> front: the command is over; exit with `code`. */
  end: { type: 37, fields: { code: "u32" } },
  /** helper -> front: nothing has been done; do the command without the helper. */
  alone: { type: 38, fields: {} },
  /**
   * A command of the command line may be performed by the engine, for a front that stays where the caller's descriptors are. These
   * words, and `hello`, `output` and `alone`, are all of that conversation.
   *
   * front -> engine, once: `bytes` bytes follow, all NUL-terminated: the working directory, `argumentCount` words of the command
   * line, and the environment. Bit n of `terminals`: descriptor n is a terminal.
   */
  command: { type: 48, fields: { bytes: "u32", argumentCount: "u32", terminals: "u32" } },
  /** front -> engine: the window of the terminal at `fd` has this size; before `command`, and before each `caught` SIGWINCH. */
  window: { type: 49, fields: { fd: "u32", rows: "u32", columns: "u32" } },
  /** engine -> front: from now on these signals (bit n - 1 for signal n) come as `caught`, all others do what they do. */
  catchSignals: { type: 50, fields: { signals: "u64" } },
  /** front -> engine. Answered by `catchSignals`, so that a front can tell an engine that hangs. */
  caught: { type: 51, fields: { signal: "u32" } },
  /** engine -> front: the terminal at standard input stops (1) or starts again (0) to echo, to edit and to make signals. */
  rawInput: { type: 52, fields: { on: "u32" } },
  /** engine -> front: read standard input once, at most so many bytes, when there is something. */
  readInput: { type: 53, fields: { bytes: "u32" } },
  /** front -> engine: `bytes` bytes of standard input follow; none is its end. */
  input: { type: 54, fields: { bytes: "u32" } },
  /** front -> engine, once for each descriptor: writing to it has failed, and nothing more will be written. */
  outputFailed: { type: 55, fields: { fd: "u32", errno: "u32" } },
  /**
   * engine -> front: the command is over; exit with `code`, unless writing has failed, which may change what there is to say. With
   * `anyway` 1 the engine knows that.
   */
  leave: { type: 56, fields: { code: "u32", anyway: "u32" } },
  /** engine -> front: `bytes` bytes follow, what to say, and `code` to exit with, should this connection end before the command does. */
  whenLost: { type: 57, fields: { code: "u32", bytes: "u32" } },
} as const satisfies Record<string, { type: number; fields: Readonly<Record<string, "u32" | "u64">> }>;

/** The unit of the times that follow `started`; the greatest number stands for all that are longer. */
export const opTimeUnitNs = 100;

/** Where an executor is in its life. `waiting`: for START. */
export const phases = { waiting: 0, starting: 1, running: 2, exited: 3 } as const;

/**
 * How long after the end of the main process a supervisor waits for clients that do not read, and for stray processes that
 * hold the output open, before it says how the process ended.
 */
export const lateOutputMs = 3000;

export type MessageName = keyof typeof messages;

/**
 * The log of a container. Its files are called `log.` and 20 digits: how many bytes of output came before the file, in
 * the whole life of the container. A file is never renamed, so its name is a place in the output; what is not there any
 * more is the difference between two names. A file consists of records, one for each piece of output as it was read:
 *
 *   u32 {length: 16 bits, `logFlags`: 8, `magic`: 8} | u64 CLOCK_REALTIME nanoseconds | the bytes | u64 {length: 16, end: 48}
 *
 * all little-endian. `end` is how many bytes of output there were up to and with this record, so a jump from one record
 * to the next is output that could not be written. The length at both ends lets a reader go backwards.
 */
export const logRecord = {
  magic: 0xa7,
  headBytes: 12,
  tailBytes: 8,
  contentBytes: 65_535,
  nameDigits: 20,
} as const;

/** Before the digits in the name of a log's file. */
export const logNamePrefix = "log.";

/** The open ones: before this record the last line of that stream had no newline yet. `first`: of a start. */
export const logFlags = { stderr: 1, stdoutOpen: 2, stderrOpen: 4, first: 8 } as const;

/**
 * The record file: 64 bytes, written by the supervisor in place. `state` is one of `recordStates`; of one that has failed to
 * start `waitStatus` is the errno. Times are CLOCK_REALTIME nanoseconds.
 */
export const recordFields = {
  magic: "u32",
  version: "u32",
  state: "u32",
  pid: "u32",
  waitStatus: "u32",
  oomKilled: "u32",
  startedAtNs: "u64",
  finishedAtNs: "u64",
} as const;
export const recordStates = { empty: 0, running: 1, exited: 2, failed: 3 } as const;
export const recordMagic = 0x54_43_45_52;
export const recordBytes = 64;
