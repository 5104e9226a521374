/**
 * Limits as properties of a unit. systemd writes a unit's values again at its own times (a reload, a change of a
 * neighbour), so everything that it knows a name for is told to it; the files are written all the same, because
 * it rounds and does not know everything. systemd.resource-control(5).
 */
import { own } from "../../lib/own.ts";
import type { CgroupResources } from "../cgroup-resources.ts";
import { cpuWeightOfShares, ioWeight, swapMax } from "../cgroup-v2.ts";
import { parseCpuList } from "../cpu-list.ts";
import { deviceProperties } from "./device-properties.ts";
import { property, type UnitProperty } from "./property.ts";

export interface SystemdFacts {
  /** Main number of the version, 252. */
  readonly version: number;
  /** All controllers are in cgroup v2. */
  readonly unified: boolean;
  /** /proc/devices. */
  readonly devices: string;
}

const infinity = 2n ** 64n - 1n;
const defaultPeriodUs = 100_000;
const usPerSecond = 1_000_000n;
/** systemd counts in whole percents of a processor; less would be cut off. */
const percentUs = 10_000n;
/** Since when systemd knows these. */
const since = { quotaPeriod: 242, allowedCpus: 244, idleWeight: 252, scopeOomPolicy: 253 } as const;

/** The properties that say the same as `resources`, as far as systemd has words for it. */
export function resourceProperties(resources: CgroupResources, facts: SystemdFacts): UnitProperty[] {
  return [
    ...(facts.unified ? unifiedProperties(resources, facts) : legacyProperties(resources, facts)),
    ...quotaProperties(resources.cpu?.quota, resources.cpu?.period, facts),
    ...tasksProperties(resources.pids?.limit),
  ];
}

function amount(name: string, value: number | undefined): UnitProperty[] {
  if (value === undefined || value === 0) return [];
  return [property(name, "t", value < 0 ? infinity : BigInt(value))];
}

/** systemd knows no limit of 0, but there is a process already. */
function tasksProperties(limit: number | undefined): UnitProperty[] {
  if (limit === undefined) return [];
  return [property("TasksMax", "t", limit < 0 ? infinity : BigInt(Math.max(limit, 1)))];
}

function quotaProperties(
  quota: number | undefined,
  period: number | undefined,
  { version }: SystemdFacts,
): UnitProperty[] {
  const hasPeriod = period !== undefined && period !== 0;
  if (!hasPeriod && (quota === undefined || quota === 0)) return [];
  const found: UnitProperty[] = [];
  if (hasPeriod && version >= since.quotaPeriod)
    found.push(property("CPUQuotaPeriodUSec", "t", BigInt(period)));
  if (quota === undefined || quota <= 0) return [...found, property("CPUQuotaPerSecUSec", "t", infinity)];
  const perSecond = (BigInt(quota) * usPerSecond) / BigInt(hasPeriod ? period : defaultPeriodUs);
  const rounded = ((perSecond + percentUs - 1n) / percentUs) * percentUs;
  return [...found, property("CPUQuotaPerSecUSec", "t", rounded)];
}

function legacyProperties(resources: CgroupResources, facts: SystemdFacts): UnitProperty[] {
  const { blockIO, cpu, devices, memory } = resources;
  return [
    // A version 1 hierarchy has no program of ours: what systemd writes there must be the rules.
    ...(devices === undefined ? [] : deviceProperties(devices, facts.devices)),
    ...amount("MemoryLimit", memory?.limit),
    ...amount("CPUShares", cpu?.shares),
    ...amount("BlockIOWeight", blockIO?.weight),
  ];
}

function unifiedProperties(resources: CgroupResources, facts: SystemdFacts): UnitProperty[] {
  const { blockIO, cpu, memory } = resources;
  const swap = swapMax(memory?.swap, memory?.limit);
  const weight = cpu?.shares === undefined || cpu.shares === 0 ? undefined : cpuWeightOfShares(cpu.shares);
  return [
    ...amount("MemoryMax", memory?.limit),
    ...amount("MemoryLow", memory?.reservation),
    ...(swap === undefined ? [] : [property("MemorySwapMax", "t", swap === "max" ? infinity : BigInt(swap))]),
    ...weightProperties(weight, cpu?.idle === 1, facts),
    ...maskProperties("AllowedCPUs", cpu?.cpus, facts),
    ...maskProperties("AllowedMemoryNodes", cpu?.mems, facts),
    ...amount("IOWeight", blockIO?.weight === undefined ? undefined : ioWeight(blockIO.weight)),
    ...fileProperties(resources.unified ?? {}, facts),
  ];
}

/** A weight of 0 is how systemd says idle. */
function weightProperties(
  weight: number | undefined,
  idle: boolean,
  { version }: SystemdFacts,
): UnitProperty[] {
  if (idle && version >= since.idleWeight) return [property("CPUWeight", "t", 0n)];
  return weight === undefined ? [] : [property("CPUWeight", "t", BigInt(weight))];
}

/** A list such as `0-2,7` as a mask, lowest bits first. A malformed list is left to the kernel to refuse. */
function maskProperties(name: string, list: string | undefined, { version }: SystemdFacts): UnitProperty[] {
  const numbers = list === undefined || list === "" ? undefined : parseCpuList(list);
  if (numbers === undefined || version < since.allowedCpus) return [];
  const mask = new Uint8Array(Math.floor((numbers.at(-1) ?? 0) / 8) + 1);
  for (const number of numbers) mask[number >> 3] = (mask[number >> 3] ?? 0) | (1 << (number & 7));
  return [property(name, "ay", mask)];
}

const byteFiles: Readonly<Record<string, string>> = {
  "memory.high": "MemoryHigh",
  "memory.low": "MemoryLow",
  "memory.max": "MemoryMax",
  "memory.min": "MemoryMin",
  "memory.swap.max": "MemorySwapMax",
  "pids.max": "TasksMax",
};

/** `resources.unified`: files whose meaning systemd has a property for. */
function fileProperties(files: Readonly<Record<string, string>>, facts: SystemdFacts): UnitProperty[] {
  const text = (file: string): string | undefined => own(files, file)?.trim();
  const found = Object.entries(byteFiles).flatMap(([file, name]) => {
    const value = text(file);
    if (value === "max") return [property(name, "t", infinity)];
    return value !== undefined && /^\d+$/.test(value) ? [property(name, "t", BigInt(value))] : [];
  });
  const weight = /^\d+$/.exec(text("cpu.weight") ?? "")?.[0];
  const [, quota, period] = /^(max|\d+)(?:\s+(\d+))?$/.exec(text("cpu.max") ?? "") ?? [];
  const oomGroup = text("memory.oom.group");
  return [
    ...found,
    ...weightProperties(weight === undefined ? undefined : Number(weight), text("cpu.idle") === "1", facts),
    ...maskProperties("AllowedCPUs", text("cpuset.cpus"), facts),
    ...maskProperties("AllowedMemoryNodes", text("cpuset.mems"), facts),
    ...(quota === undefined
      ? []
      : quotaProperties(
          quota === "max" ? -1 : Number(quota),
          period === undefined ? undefined : Number(period),
          facts,
        )),
    ...(oomGroup === undefined || facts.version < since.scopeOomPolicy
      ? []
      : [property("OOMPolicy", "s", oomGroup === "1" ? "kill" : "continue")]),
  ];
}
