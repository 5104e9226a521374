/** The device rules of a group of cgroup v1, kept as they are while somebody else works on them. */
import { type CgroupFacts, v1Hierarchy } from "../linux/host-facts.ts";
import { readTextIfPossible, writeKernelFile } from "./files.ts";
import { SyscallError } from "./syscall.ts";

/**
 * Remembers what the group allows; the result takes back what has been allowed since. On version 2 the rules are programs,
 * all of which must agree, so nobody can add to them.
 */
export function keepDeviceRules(facts: CgroupFacts, directory: string): () => void {
  const hierarchy = v1Hierarchy(facts, "devices");
  if (hierarchy === undefined) return () => {};
  const group = `${hierarchy.mountPoint}${directory}`;
  const read = (): string[] => (readTextIfPossible(`${group}/devices.list`) ?? "").split("\n");
  const before = new Set(read());
  return () => {
    for (const rule of read()) {
      if (rule === "" || before.has(rule)) continue;
      const failed = writeKernelFile(`${group}/devices.deny`, rule);
      if (failed !== 0) throw new SyscallError("write", failed, `${group}/devices.deny`);
    }
  };
}
