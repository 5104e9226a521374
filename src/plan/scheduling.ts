/** How the kernel is to run the program: execution domain, scheduler, disk priority, memory nodes, processors. */
import { TiffinError } from "../lib/errors.ts";
import { parseCpuList } from "../linux/cpu-list.ts";
import type { LinuxSpec, OciProcess, OciScheduler } from "../oci/mod.ts";
import type { PlanBuilder } from "./builder.ts";

interface SchedulingContext {
  readonly builder: PlanBuilder;
  readonly process: OciProcess;
  readonly linux?: LinuxSpec;
}

/** include/uapi/linux/sched.h */
const schedulerPolicies: Readonly<Record<string, number>> = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
};
const schedulerFlags: Readonly<Record<string, number>> = {
  SCHED_FLAG_RESET_ON_FORK: 0x01,
  SCHED_FLAG_RECLAIM: 0x02,
  SCHED_FLAG_DL_OVERRUN: 0x04,
  SCHED_FLAG_KEEP_POLICY: 0x08,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
};
/** include/uapi/linux/ioprio.h */
const ioClasses: Readonly<Record<string, number>> = {
  IOPRIO_CLASS_RT: 1,
  IOPRIO_CLASS_BE: 2,
  IOPRIO_CLASS_IDLE: 3,
};
const ioClassShift = 13;
const highestIoPriority = 7;
/** include/uapi/linux/mempolicy.h */
const memoryModes: Readonly<Record<string, number>> = {
  MPOL_DEFAULT: 0,
  MPOL_PREFERRED: 1,
  MPOL_BIND: 2,
  MPOL_INTERLEAVE: 3,
  MPOL_LOCAL: 4,
  MPOL_PREFERRED_MANY: 5,
  MPOL_WEIGHTED_INTERLEAVE: 6,
};
const memoryFlags: Readonly<Record<string, number>> = {
  MPOL_F_STATIC_NODES: 1 << 15,
  MPOL_F_RELATIVE_NODES: 1 << 14,
  MPOL_F_NUMA_BALANCING: 1 << 13,
};
/** What `linux.memoryPolicy` may say. */
export const memoryPolicyWords = { modes: Object.keys(memoryModes), flags: Object.keys(memoryFlags) };
/** include/uapi/linux/personality.h */
const executionDomains: Readonly<Record<string, number>> = { LINUX: 0, LINUX32: 8 };
const highestMaskBit = 4095;

function numberOf(table: Readonly<Record<string, number>>, word: string, field: string): number {
  const number = Object.hasOwn(table, word) ? table[word] : undefined;
  if (number !== undefined) return number;
  const known = Object.keys(table).join(", ");
  throw new TiffinError(
    "invalid",
    "plan.unknown-word",
    `${field} is ${JSON.stringify(word)}, wanted one of ${known}`,
  );
}

function flagsOf(table: Readonly<Record<string, number>>, words: readonly string[], field: string): number {
  return words.reduce((sum, word) => sum | numberOf(table, word, field), 0);
}

/** Everything that needs the rights that the process has before it takes its identity. */
export function limitScheduling({ builder, process, linux = {} }: SchedulingContext): void {
  if (process.scheduler !== undefined) setScheduler(builder, process.scheduler);
  if (process.ioPriority !== undefined) setIoPriority(builder, process.ioPriority);
  if (linux.memoryPolicy !== undefined) setMemoryPolicy(builder, linux.memoryPolicy);
  if (linux.personality !== undefined) {
    const { domain, flags = [] } = linux.personality;
    const cause = "linux.personality";
    if (flags.length > 0) {
      throw new TiffinError("invalid", "plan.personality-flags", `${cause}.flags has no flag that is known`);
    }
    const persona = numberOf(executionDomains, domain, `${cause}.domain`);
    builder.child({ op: "personality", fields: { persona } }, cause);
  }
}

function setScheduler(builder: PlanBuilder, scheduler: OciScheduler): void {
  const cause = "process.scheduler";
  builder.child(
    {
      op: "setScheduler",
      fields: {
        policy: numberOf(schedulerPolicies, scheduler.policy, `${cause}.policy`),
        nice: scheduler.nice ?? 0,
        flags: flagsOf(schedulerFlags, scheduler.flags ?? [], `${cause}.flags`),
        priority: scheduler.priority ?? 0,
        runtime: scheduler.runtime ?? 0,
        deadline: scheduler.deadline ?? 0,
        period: scheduler.period ?? 0,
      },
    },
    cause,
  );
}

function setIoPriority(builder: PlanBuilder, wanted: NonNullable<OciProcess["ioPriority"]>): void {
  const cause = "process.ioPriority";
  const priority = wanted.priority ?? 0;
  if (priority < 0 || priority > highestIoPriority) {
    throw new TiffinError(
      "invalid",
      "plan.io-priority",
      `${cause}.priority is ${priority}, wanted 0 to ${highestIoPriority}`,
    );
  }
  const value = (numberOf(ioClasses, wanted.class, `${cause}.class`) << ioClassShift) | priority;
  builder.child({ op: "setIoPriority", fields: { value } }, cause);
}

function setMemoryPolicy(builder: PlanBuilder, policy: NonNullable<LinuxSpec["memoryPolicy"]>): void {
  const cause = "linux.memoryPolicy";
  const mode =
    numberOf(memoryModes, policy.mode, `${cause}.mode`) |
    flagsOf(memoryFlags, policy.flags ?? [], `${cause}.flags`);
  const nodes = policy.nodes ?? "";
  const mask = nodes === "" ? new Uint8Array(0) : bitMask(nodes, `${cause}.nodes`);
  builder.child({ op: "setMemoryPolicy", fields: { mode, nodes: mask } }, cause);
}

/** The processors of an exec, as a list such as `0-2,7`. */
export function setAffinity(builder: PlanBuilder, list: string | undefined, cause: string): void {
  if (list === undefined || list === "") return;
  builder.child({ op: "setAffinity", fields: { mask: bitMask(list, cause) } }, cause, list);
}

/** A list of numbers as the kernel's bit mask: whole 64-bit words. */
function bitMask(list: string, field: string): Uint8Array {
  const numbers = parseCpuList(list);
  const highest = Math.max(...(numbers ?? []));
  if (numbers === undefined || numbers.length === 0 || highest > highestMaskBit) {
    throw new TiffinError(
      "invalid",
      "plan.number-list",
      `${field} is ${JSON.stringify(list)}, wanted numbers and ranges such as 0-2,7`,
    );
  }
  const mask = new Uint8Array((Math.floor(highest / 64) + 1) * 8);
  for (const number of numbers) {
    const byte = Math.floor(number / 8);
    mask[byte] = (mask[byte] ?? 0) | (1 << (number % 8));
  }
  return mask;
}
