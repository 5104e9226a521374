/** What to check when an operation fails with an errno: kernel options, sysctls, capabilities. One row each. */

import type { OpName } from "../abi/schema.ts";
import { own } from "../lib/own.ts";
import type { ErrnoName } from "../linux/errno.ts";

type Remedies = Readonly<Partial<Record<ErrnoName, string>>>;

const capability = (name: string): string => `check that the engine has ${name}`;

const remedies: Readonly<Partial<Record<OpName, Remedies>>> = {
  clone: {
    EPERM: "check that the engine has CAP_SYS_ADMIN and that user.max_user_namespaces is not 0",
    ENOSPC: "raise the sysctls user.max_*_namespaces",
    EAGAIN: "raise the pids limit of the engine, its RLIMIT_NPROC or kernel.pid_max",
    EINVAL:
      "check that the kernel has CONFIG_UTS_NS, CONFIG_IPC_NS, CONFIG_PID_NS, CONFIG_NET_NS and CONFIG_USER_NS",
    EBUSY: "the cgroup hands controllers to its children: it must not hold processes itself",
    ENOMEM: "raise the memory limit of the container or the engine",
  },
  unshare: {
    EPERM: capability("CAP_SYS_ADMIN"),
    ENOSPC: "raise the sysctls user.max_*_namespaces",
    EINVAL: "check that the kernel has CONFIG_TIME_NS and CONFIG_CGROUPS",
  },
  setns: {
    EPERM: "check that the engine has CAP_SYS_ADMIN in the namespace's user namespace",
    EINVAL: "check that the file is a namespace of that kind",
    ESRCH: "the container has ended",
  },
  idMap: {
    EPERM: "check that the engine has CAP_SETUID and CAP_SETGID and owns the mapped ids",
    EINVAL: "check that the mappings do not overlap and that there are at most 340",
  },
  reconfigure: { EINVAL: "check which options the file system can change while it is mounted" },
  fsMount: {
    ENODEV: "the kernel does not know this file system: enable it or load its module",
    EPERM: "check that the engine has CAP_SYS_ADMIN and that nothing covers the host's own /proc or /sys",
    EINVAL: "check the mount options",
    ENOENT: "check that the directories in the options exist",
    ELOOP: "a layer is part of another layer's directory",
    EBUSY: "another mount uses the same upper or work directory",
    EROFS: "the upper directory is on a read-only file system",
    ENOSPC: "free space on the file system of the upper directory",
  },
  openTree: {
    ENOENT: "the path must exist in the mount namespace that the container is made in",
    EINVAL: "a mount that another user namespace locked can only be bound with all that is below it (rbind)",
  },
  mountSetattr: {
    EINVAL: "check that the file system supports idmapped mounts (CONFIG and kernel version)",
    EPERM: "a mount that another user namespace locked cannot be changed",
    EBUSY: "a file is open for writing on a mount that is to become read-only",
  },
  moveMount: {
    EINVAL: "check that a directory is mounted on a directory and a file on a file",
    ENOTDIR: "check that a directory is mounted on a directory and a file on a file",
    EROFS: "make the mount point in the image: its file system is read-only",
    ENOSPC: "free space on the file system of the container, or raise fs.mount-max",
  },
  mkdir: {
    ENOTDIR: "a part of the path is a file: choose another directory, or change the image",
    EROFS: "make the directory in the image: its file system is read-only",
    ENOSPC: "free space on the file system of the container",
  },
  mknod: {
    EPERM: "check that the engine has CAP_MKNOD and that its device cgroup allows the device",
  },
  write: {
    ENOENT: "check the name, and that the kernel has the setting",
    EINVAL: "check the value",
    EACCES: "the setting may only be changed by the host",
    EPERM: "the setting may only be changed by the host",
    EBUSY: "the cgroup hands controllers to its children: it must not hold processes itself",
    ENOSPC: "set cpuset.cpus and cpuset.mems of the parent groups",
  },
  pty: {
    ENOSPC: "raise the sysctl kernel.pty.max",
    ENODEV: "mount a devpts at /dev/pts of the container",
    ENOENT: "mount a devpts at /dev/pts of the container",
    EIO: "raise the sysctl kernel.pty.max",
  },
  pipe: { EMFILE: "raise the engine's RLIMIT_NOFILE", ENFILE: "raise the sysctl fs.file-max" },
  open: { EMFILE: "raise the engine's RLIMIT_NOFILE", ENFILE: "raise the sysctl fs.file-max" },
  setRlimit: {
    EPERM: "check that the engine has CAP_SYS_RESOURCE; RLIMIT_NOFILE may not exceed the sysctl fs.nr_open",
  },
  setHostname: { EINVAL: "a host name has at most 64 bytes" },
  setDomainname: { EINVAL: "a domain name has at most 64 bytes" },
  keyring: {
    EDQUOT: "raise the sysctls kernel.keys.root_maxkeys and kernel.keys.maxkeys",
    ENOSYS: "the kernel needs CONFIG_KEYS",
  },
  setGroups: {
    EINVAL: "check that every group is mapped in the user namespace",
    EPERM: capability("CAP_SETGID"),
  },
  setIds: {
    EINVAL: "check that user and group are mapped in the user namespace",
    EPERM: "check that the engine has CAP_SETUID and CAP_SETGID",
    EAGAIN: "raise RLIMIT_NPROC of the user",
  },
  dropBounding: { EPERM: capability("CAP_SETPCAP") },
  setCapabilities: { EPERM: "a capability was asked for that the engine does not have itself" },
  seccomp: {
    EINVAL: "check that the kernel has CONFIG_SECCOMP_FILTER and knows the filter's flags",
    EACCES: "a filter without no_new_privs needs CAP_SYS_ADMIN",
    ENOMEM: "the filters of a process have at most 32768 instructions together",
  },
  chdir: { EXDEV: "the directory lies outside of the container's root" },
  init: { EAGAIN: "raise the pids limit of the container" },
};

/** A sentence without a full stop; undefined when nothing better than the errno is known. */
export function remedyFor(op: OpName, errno: string): string | undefined {
  const rows: Readonly<Record<string, string | undefined>> = remedies[op] ?? {};
  return own(rows, errno);
}
