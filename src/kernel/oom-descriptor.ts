/** A descriptor that becomes readable when a group runs out of memory, for loops that wait for several things. */
import { cgroupPath, unifiedHierarchy } from "../linux/cgroup.ts";
import { type CgroupFacts, v1Hierarchy } from "../linux/host-facts.ts";
import { openFile, openFlags, writeKernelFile } from "./files.ts";
import { OwnedFd } from "./owned-fd.ts";
import { cString, SyscallError, syscall } from "./syscall.ts";

const eventfdCloexecNonblock = 0o2000000 | 0o4000;
const inotifyCloexecNonblock = 0o2000000 | 0o4000;
const inModify = 2;

/**
 * v1: an eventfd that the kernel signals before it kills, and once more when the group goes. v2: inotify on
 * memory.events, whose counters then tell. Undefined where memory is not counted. Throws `SyscallError`.
 */
export function openOomEvents(facts: CgroupFacts, directory: string): OwnedFd | undefined {
  const memory = v1Hierarchy(facts, "memory");
  if (memory !== undefined) return registerEventfd(memory.mountPoint + directory);
  if (facts.mode !== "v2") return undefined;
  const path = `${cgroupPath(facts, unifiedHierarchy, directory)}/memory.events`;
  const inotify = new OwnedFd(syscall("inotify_init1", path, inotifyCloexecNonblock), `changes of ${path}`);
  try {
    syscall("inotify_add_watch", path, inotify.raw, cString(path), inModify);
    return inotify;
  } catch (thrown) {
    inotify[Symbol.dispose]();
    throw thrown;
  }
}

function registerEventfd(path: string): OwnedFd {
  const eventfd = new OwnedFd(syscall("eventfd2", path, 0, eventfdCloexecNonblock), `OOM events of ${path}`);
  try {
    using control = openFile(undefined, `${path}/memory.oom_control`, openFlags.readOnly);
    const failed = writeKernelFile(`${path}/cgroup.event_control`, `${eventfd.raw} ${control.raw}`);
    if (failed !== 0) throw new SyscallError("write", failed, `${path}/cgroup.event_control`);
    return eventfd;
  } catch (thrown) {
    eventfd[Symbol.dispose]();
    throw thrown;
  }
}
