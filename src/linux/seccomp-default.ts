/**
 * The default seccomp profile: the same system calls as Docker's, arranged by subject. What is not listed fails
 * with EPERM; what is newer than everything listed fails with ENOSYS (see `seccomp-prologue.ts`).
 *
 * A capability that the container has opens the calls that make no sense without it; the kernel still checks the
 * capability itself.
 */
import type { SeccompArgument, SeccompProfile, SeccompRule } from "./seccomp.ts";

type Machine = "x86_64" | "aarch64";

/** Allowed for everybody. One subject per row. */
const always = {
  files: `access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
    fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync
    flock fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64
    ioctl lchown lchown32 link linkat _llseek lseek lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at
    newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink
    readlinkat readv rename renameat renameat2 rmdir sendfile sendfile64 splice stat stat64 statfs statfs64 statx
    symlink symlinkat sync sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat
    utimensat_time64 utimes vmsplice write writev`,
  extendedAttributes: `fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat
    llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat`,
  mountInformation: `listmount statmount`,
  watching: `epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old
    eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch _newselect poll ppoll
    ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4`,
  asynchronousIo: `io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioprio_get
    ioprio_set`,
  memory: `brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall
    mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect
    remap_file_pages`,
  processes: `execve execveat exit exit_group fork get_robust_list get_thread_area getcpu getpgid
    getpgrp getpid getppid getpriority getrusage getsid gettid kill pause pidfd_open pidfd_send_signal prctl
    process_mrelease restart_syscall rseq sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr
    sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
    sched_setattr sched_setparam sched_setscheduler sched_yield set_robust_list set_thread_area set_tid_address setpgid
    setpriority setsid tgkill times tkill uretprobe vfork wait4 waitid waitpid`,
  debugging: `process_vm_readv process_vm_writev ptrace`,
  limits: `getrlimit prlimit64 setrlimit ugetrlimit`,
  synchronisation: `futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake`,
  signals: `rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn`,
  time: `adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
    timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
    timerfd_gettime64 timerfd_settime timerfd_settime64`,
  identity: `capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid
    getresgid32 getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups
    setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32`,
  confinement: `landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp`,
  network: `accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg
    recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair`,
  messages: `ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
    mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat
    shmctl shmdt shmget`,
  system: `getrandom riscv_hwprobe sysinfo uname`,
} as const;

/** Only on this machine and its 32-bit relatives. */
const byMachine: Readonly<
  Record<Machine, { readonly architectures: readonly string[]; readonly names: string }>
> = {
  x86_64: {
    // Not x32: no distribution's kernel runs it, and a third of the program would be for it.
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    names: "arch_prctl modify_ldt",
  },
  aarch64: {
    architectures: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
    names: "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2",
  },
};

/** Opened by a capability. */
const byCapability: Readonly<Record<string, string>> = {
  CAP_DAC_READ_SEARCH: "open_by_handle_at",
  CAP_SYS_ADMIN: `bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr
    lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd
    setdomainname sethostname setns syslog umount umount2 unshare`,
  CAP_SYS_BOOT: "reboot",
  CAP_SYS_CHROOT: "chroot",
  CAP_SYS_MODULE: "delete_module finit_module init_module",
  CAP_SYS_PACCT: "acct",
  CAP_SYS_PTRACE: "kcmp pidfd_getfd process_madvise",
  CAP_SYS_RAWIO: "ioperm iopl",
  CAP_SYS_TIME: "clock_settime clock_settime64 settimeofday stime",
  CAP_SYS_TTY_CONFIG: "vhangup",
  CAP_SYS_NICE: "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
  CAP_SYSLOG: "syslog",
  CAP_BPF: "bpf",
  CAP_PERFMON: "perf_event_open",
};

/**
 * Socket families: every one below 12 and these. Closed are DECnet 12, Econet 19, ATM SVC 20, IrDA 23, WANPIPE 25,
 * IUCV 34, CAIF 37, the kernel's crypto interface 38, VSOCK 40 and whatever comes after 45.
 */
const socketFamiliesBelow = 12;
const socketFamilies = [
  13, 14, 15, 16, 17, 18, 21, 22, 24, 26, 27, 28, 29, 30, 31, 32, 33, 35, 36, 39, 41, 42, 43, 44, 45,
];

/** PER_LINUX, PER_LINUX32, the two with UNAME26, and the question what is set now. */
const personalities = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: a clone without CAP_SYS_ADMIN has none of them. */
const namespaceFlags = 0x7e02_0000;
const enosys = 38;
const eperm = 1;

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

function allow(names: readonly string[], args?: readonly SeccompArgument[]): SeccompRule {
  const rule = { names, action: "SCMP_ACT_ALLOW" };
  return args === undefined ? rule : { ...rule, args };
}

/** The profile for a container with these capabilities (its bounding set) on this machine. */
export function defaultSeccompProfile(machine: Machine, capabilities: Iterable<string>): SeccompProfile {
  const held = new Set(capabilities);
  const names = new Set(Object.values(always).flatMap(words));
  for (const name of words(byMachine[machine].names)) names.add(name);
  for (const [capability, opened] of Object.entries(byCapability)) {
    if (held.has(capability)) for (const name of words(opened)) names.add(name);
  }
  const equal = (value: number): SeccompArgument[] => [{ index: 0, value, op: "SCMP_CMP_EQ" }];
  const syscalls: SeccompRule[] = [
    allow([...names].sort()),
    allow(["socket"], [{ index: 0, value: socketFamiliesBelow, op: "SCMP_CMP_LT" }]),
    ...socketFamilies.map((family) => allow(["socket"], equal(family))),
    ...personalities.map((personality) => allow(["personality"], equal(personality))),
  ];
  if (!held.has("CAP_SYS_ADMIN")) {
    const noNamespaces = { index: 0, value: namespaceFlags, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" };
    syscalls.push(allow(["clone"], [noNamespaces]));
    // Its flags are behind a pointer that a filter cannot read; libc falls back to clone on ENOSYS.
    syscalls.push({ names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: enosys });
  }
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: eperm,
    architectures: byMachine[machine].architectures,
    syscalls,
  };
}
