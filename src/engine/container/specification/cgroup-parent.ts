/** `--cgroup-parent`: the group below which a container's own is made, a path from the top of every hierarchy. Pure. */
import { refuse } from "./refuse.ts";

const longestPath = 3072;
const longestName = 255;
/** The kernel refuses line breaks, which would make /proc/PID/cgroup unreadable; others have no place in a name either. */
const plain = /^[^\p{Cc}]*$/u;
/** Names of the kernel's own files in a group. */
const kernelFile =
  /^(?:cgroup|memory|cpu|cpuset|cpuacct|io|blkio|pids|devices|freezer|hugetlb|rdma|misc|net_cls|net_prio|perf_event|irq|dmem)\.|^(?:tasks|notify_on_release|release_agent)$/;

/** Below these the engine takes away what it does not know. */
const engineGroup = /^\/tiffin(?:-[0-9a-f]{6})?(?:\/|$)/;

/** Refuses what is no such path, with Docker's words where it has some. */
export function validateCgroupParent(parent: string): void {
  const no = (why: string): never =>
    refuse("cgroup-parent", `invalid cgroup parent ${JSON.stringify(parent)}: ${why}`);
  if (parent === "") return;
  if (Buffer.byteLength(parent) > longestPath) no(`it has more than ${longestPath} bytes`);
  if (!plain.test(parent)) no("it contains control characters");
  if (engineGroup.test(cgroupParentPath(parent))) no("it is a group of the engine itself");
  for (const name of parent.split("/")) {
    if (name === "..") no("it must not lead upwards (..)");
    if (Buffer.byteLength(name) > longestName) no(`a name in it has more than ${longestName} bytes`);
    if (kernelFile.test(name)) no(`${JSON.stringify(name)} is the name of a file of the kernel`);
    if (name.endsWith(".slice") || name.includes(".slice:")) {
      no(
        `${JSON.stringify(name)} is a slice of systemd, and this engine makes its groups itself (cgroup driver cgroupfs); give a path such as /jobs`,
      );
    }
  }
}

/** The path from the top, clean, without a slash at its end; "" is the top itself. */
export function cgroupParentPath(parent: string): string {
  const names = parent.split("/").filter((name) => name !== "" && name !== ".");
  return names.map((name) => `/${name}`).join("");
}
