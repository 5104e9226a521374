/**
 * Network namespaces from the JavaScript thread. The thread leaves its namespace only inside the two functions
 * below and only synchronously, so no other code of the engine ever runs in the wrong one. If the way back fails
 * nothing in this process can be trusted any more, and it is ended. setns(2), network_namespaces(7)
 */
import { OwnedFd } from "../owned-fd.ts";
import { cString, inRange, syscall, trySyscall } from "../syscall.ts";

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

function goHome(): void {
  const result = trySyscall("setns", homeNetns().raw, cloneNewnet);
  if (result !== 0) trySyscall("exit_group", sigabrtExitStatus);
}

/** Makes a new network namespace, runs `inside` in it, and returns its fd. */
export function createNetns<T>(inside: () => T): { readonly netns: OwnedFd; readonly result: T } {
  homeNetns();
  syscall("unshare", "new network namespace", cloneNewnet);
  let netns: OwnedFd | undefined;
  try {
    netns = openNetns("/proc/thread-self/ns/net");
    return { netns, result: inside() };
  } catch (thrown) {
    netns?.[Symbol.dispose]();
    throw thrown;
  } finally {
    goHome();
  }
}

/** Runs `inside` in the namespace `netns`. It must not be asynchronous. */
export function inNetns<T>(netns: OwnedFd, inside: () => T): T {
  homeNetns();
  syscall("setns", netns.what, netns.raw, cloneNewnet);
  try {
    return inside();
  } finally {
    goHome();
  }
}
