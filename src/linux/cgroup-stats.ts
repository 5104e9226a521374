/** Parsers of cgroup statistics files, v1 and v2, into one shape. */
import { own } from "../lib/own.ts";

/** Bytes or operations of one device. `op` is lower case: `read`, `write`, `sync`, `async`, `discard`, `total`. */
export interface BlockIoEntry {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: number;
}

export interface CgroupStats {
  readonly memory: {
    readonly usageBytes: number;
    /** The peak; 0 where the kernel does not keep it. */
    readonly maxUsageBytes: number;
    /** Null is unlimited. */
    readonly limitBytes: number | null;
    /** How often the limit was hit (v1 failcnt, v2 memory.events max). */
    readonly limitHits: number;
    /** memory.stat as the kernel names it. */
    readonly stat: Readonly<Record<string, number>>;
  };
  readonly cpu: {
    readonly totalNs: number;
    readonly userNs: number;
    readonly systemNs: number;
    /** Per processor; empty on v2. */
    readonly perCpuNs: readonly number[];
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly throttledNs: number;
  };
  readonly pids: { readonly current: number; readonly limit: number | null };
  readonly blockIo: {
    readonly serviceBytes: readonly BlockIoEntry[];
    readonly serviced: readonly BlockIoEntry[];
  };
}

/** `key value` lines: memory.stat, cpu.stat, memory.events, memory.oom_control. */
export function parseFlatKeyed(text: string): Record<string, number> {
  const values: Record<string, number> = {};
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0) values[line.slice(0, space)] = Number(line.slice(space + 1));
  }
  return values;
}

/** Limits at or above this mean none: v1 shows PAGE_COUNTER_MAX, just below 2^63. */
const unlimitedFromBytes = 2 ** 62;

/** A number, or null for `max`, `-1` and v1's largest number. Absent or empty is null too. */
export function parseLimit(text: string | undefined): number | null {
  const trimmed = text?.trim() ?? "";
  if (trimmed === "" || trimmed === "max") return null;
  const value = Number(trimmed);
  return value < 0 || value >= unlimitedFromBytes ? null : value;
}

/** Lines `8:0 Read 123` of blkio.*; the sum line without a device is left out. */
export function parseV1BlockIo(text: string): BlockIoEntry[] {
  const entries: BlockIoEntry[] = [];
  for (const line of text.split("\n")) {
    const match = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line);
    if (match === null) continue;
    entries.push({
      major: Number(match[1]),
      minor: Number(match[2]),
      op: (match[3] ?? "").toLowerCase(),
      value: Number(match[4]),
    });
  }
  return entries;
}

const v2Bytes: Readonly<Record<string, string>> = { rbytes: "read", wbytes: "write", dbytes: "discard" };
const v2Operations: Readonly<Record<string, string>> = { rios: "read", wios: "write", dios: "discard" };

/** Lines `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0` of io.stat. */
export function parseV2IoStat(text: string): CgroupStats["blockIo"] {
  const serviceBytes: BlockIoEntry[] = [];
  const serviced: BlockIoEntry[] = [];
  for (const line of text.split("\n")) {
    const match = /^(\d+):(\d+) (.*)$/.exec(line);
    if (match === null) continue;
    const [major, minor] = [Number(match[1]), Number(match[2])];
    for (const word of (match[3] ?? "").split(" ")) {
      const [key, value] = word.split("=");
      const bytes = own(v2Bytes, key ?? "");
      const operations = own(v2Operations, key ?? "");
      if (bytes !== undefined) serviceBytes.push({ major, minor, op: bytes, value: Number(value) });
      if (operations !== undefined) serviced.push({ major, minor, op: operations, value: Number(value) });
    }
  }
  return { serviceBytes, serviced };
}

/** Lines of numbers separated by spaces: cpuacct.usage_percpu. */
export function parseNumberList(text: string): number[] {
  return text
    .trim()
    .split(/\s+/)
    .filter((word) => word !== "")
    .map(Number);
}

/** `cpuacct.usage_all`: a line of names, then one for each processor. */
export function parseUsageByKind(text: string): { readonly userNs: number; readonly systemNs: number }[] {
  return text
    .split("\n")
    .slice(1)
    .filter((line) => line !== "")
    .map((line) => {
      const [, userNs = 0, systemNs = 0] = line.split(" ").map(Number);
      return { userNs, systemNs };
    });
}

/** User-visible clock ticks per second on every Linux that Bun runs on. */
const ticksPerSecond = 100;

/** Time that all processors spent, from the first line of /proc/stat, in nanoseconds; guest time is in user time already. */
export function parseSystemCpuNs(procStat: string): number {
  const words = procStat.slice(0, procStat.indexOf("\n")).trim().split(/\s+/).slice(1, 9);
  return words.reduce((sum, word) => sum + Number(word), 0) * (1e9 / ticksPerSecond);
}
