/**
 * Network namespaces from the JavaScript thread. It goes into another one and back within one native call for every
 * system call that is to be made there: a thread that the runtime starts meanwhile (for compiling, for collecting
 * garbage) would be born in that namespace and keep it, with all its links, for as long as that thread lives. If the way
 * back fails nothing in this process can be trusted any more, and it is ended. setns(2), network_namespaces(7)
 */
import { OwnedFd } from "../owned-fd.ts";
import {
  cString,
  directSyscall,
  inRange,
  type SyscallEntry,
  SyscallError,
  syscall,
  withDetour,
} from "../syscall.ts";
import { syscallSequence } from "../syscall-sequence.ts";

const cloneNewnet = 0x4000_0000;
const atFdcwd = -100;
const openFlags = 0o2000000; // O_RDONLY | O_CLOEXEC
const sigabrtExitStatus = 134;

let home: OwnedFd | undefined;

/** The namespace that this process lives in, opened at the first use. */
export function homeNetns(): OwnedFd {
  home ??= openNetns("/proc/thread-self/ns/net");
  return home;
}

function openNetns(path: string): OwnedFd {
  return new OwnedFd(syscall("openat", path, atFdcwd, cString(path), openFlags), `network namespace ${path}`);
}

/** The network namespace of a process; ENOENT or ESRCH when it is gone. */
export function openNetnsOfPid(pid: number): OwnedFd {
  return openNetns(`/proc/${inRange("i32", pid, "pid")}/ns/net`);
}

/** Performs `calls` and goes home; the results of the calls. */
function andHome(calls: readonly SyscallEntry[]): number[] {
  const results = syscallSequence(calls, [["setns", homeNetns().raw, cloneNewnet]]);
  if (results.pop() !== 0) directSyscall("exit_group", sigabrtExitStatus);
  return results;
}

/** Makes a new network namespace, runs `inside` as `inNetns` does, and returns its fd. */
export function createNetns<T>(inside: () => T): { readonly netns: OwnedFd; readonly result: T } {
  const path = "/proc/thread-self/ns/net";
  const [made = 0, opened = 0] = andHome([
    ["unshare", cloneNewnet],
    ["openat", atFdcwd, cString(path), openFlags],
  ]);
  if (made < 0) throw new SyscallError("unshare", -made, "new network namespace");
  if (opened < 0) throw new SyscallError("openat", -opened, path);
  const netns = new OwnedFd(opened, `network namespace ${path}`);
  try {
    return { netns, result: inNetns(netns, inside) };
  } catch (thrown) {
    netns[Symbol.dispose]();
    throw thrown;
  }
}

/** Runs `inside`, the system calls of which (those through `syscall.ts`) are made in the namespace `netns`. It must be synchronous. */
export function inNetns<T>(netns: OwnedFd, inside: () => T): T {
  homeNetns();
  const enter: SyscallEntry = ["setns", netns.raw, cloneNewnet];
  const [entered = 0] = andHome([enter]);
  if (entered < 0) throw new SyscallError("setns", -entered, netns.what);
  return withDetour((...call) => andHome([enter, call])[1] ?? 0, inside);
}
