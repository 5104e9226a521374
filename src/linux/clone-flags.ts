/** Namespace kinds and the CLONE_* flags of clone3, unshare and setns (linux/sched.h). */
export const cloneFlags = {
  newTime: 0x0000_0080,
  /** Shared root, working directory and umask; for unshare(2): shared no more. */
  fileSystemAttributes: 0x0000_0200,
  newMount: 0x0002_0000,
  newCgroup: 0x0200_0000,
  newUts: 0x0400_0000,
  newIpc: 0x0800_0000,
  newUser: 0x1000_0000,
  newPid: 0x2000_0000,
  newNet: 0x4000_0000,
  pidfd: 0x0000_1000,
  parent: 0x0000_8000,
  /** Only clone3 takes these two: they do not fit in 32 bits. */
  clearSighand: 0x1_0000_0000,
  intoCgroup: 0x2_0000_0000,
} as const;

/** One row per namespace kind: the OCI name, the flag, the file below /proc/<pid>/ns. */
export const namespaceKinds = {
  user: { flag: cloneFlags.newUser, file: "user", childFile: "user" },
  cgroup: { flag: cloneFlags.newCgroup, file: "cgroup", childFile: "cgroup" },
  ipc: { flag: cloneFlags.newIpc, file: "ipc", childFile: "ipc" },
  uts: { flag: cloneFlags.newUts, file: "uts", childFile: "uts" },
  network: { flag: cloneFlags.newNet, file: "net", childFile: "net" },
  pid: { flag: cloneFlags.newPid, file: "pid", childFile: "pid_for_children" },
  time: { flag: cloneFlags.newTime, file: "time", childFile: "time_for_children" },
  mount: { flag: cloneFlags.newMount, file: "mnt", childFile: "mnt" },
} as const satisfies Record<string, { flag: number; file: string; childFile: string }>;

export type NamespaceKind = keyof typeof namespaceKinds;
