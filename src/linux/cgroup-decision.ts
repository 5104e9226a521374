/** The result of deciding about a container's cgroups: data that `kernel/cgroup.ts` performs. */
import type { CgroupWarning } from "./cgroup-warnings.ts";

/** The name of the v2 hierarchy wherever a hierarchy is named. v1 ones are `CgroupV1Hierarchy.name`. */
export const unifiedHierarchy = "unified";

/** One file to write. */
export interface CgroupWrite {
  readonly hierarchy: string;
  readonly file: string;
  readonly value: string;
  /** Errno names that turn a failure into a warning. */
  readonly tolerate: readonly string[];
  /** A tolerated failure is not even worth a warning: another write says the same in this kernel's way. */
  readonly isOneOfSeveral?: true;
  /** The setting that asks for it, e.g. `linux.resources.memory.limit`. */
  readonly cause: string;
}

/** A limit that this machine cannot keep. An engine goes on with a warning; the OCI runtime specification wants an error. */
export interface CgroupRefusal {
  /** `linux.resources.memory.swap` */
  readonly cause: string;
  readonly why: string;
}

export interface CgroupDecision {
  /** Hierarchies that get a directory for the container. */
  readonly directories: readonly string[];
  readonly writes: readonly CgroupWrite[];
  /** eBPF device program to attach to the v2 directory; null when every device is allowed or v1 files do it. */
  readonly deviceProgram: Uint8Array | null;
  /** Rules for devices were wanted and nothing on this machine enforces them. */
  readonly losesDeviceRules: boolean;
  /** What this machine cannot enforce, one sentence each, in Docker's words where Docker has some. */
  readonly warnings: readonly CgroupWarning[];
  readonly refusals: readonly CgroupRefusal[];
}

/** Limits that are in force now, so that an update writes in an order that the kernel accepts (v1). */
export interface CurrentMemory {
  /** Bytes; `Infinity` is unlimited. */
  readonly limitBytes: number;
  readonly memoryAndSwapBytes: number;
}
