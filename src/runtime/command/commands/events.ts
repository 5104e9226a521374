/** `events`: statistics of the container's group as JSON lines, once or until the container ends. */
import { readCgroupStats } from "../../../kernel/cgroup-statistics.ts";
import { openPidfd, waitPidfd } from "../../../kernel/pidfd.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { BlockIoEntry, CgroupStats } from "../../../linux/cgroup-stats.ts";
import { type CommandContext, idOf } from "../command.ts";
import { readContainer, type StoredContainer } from "../container-record.ts";
import { usage } from "../flags.ts";
import { isAlive } from "../status.ts";

const defaultIntervalMs = 5000;
const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

export function events(context: CommandContext): number {
  const { flags, root } = context;
  const intervalMs = intervalOf(flags.text("interval"));
  const container = readContainer(root, idOf(context));
  const { id, process } = container;
  if (!isAlive(process))
    throw new TiffinError("conflict", "runtime.not-running", `container ${id} is not running`);
  printStats(context, container);
  if (flags.switch("stats")) return 0;
  const pidfd = openPidfd(process.pid);
  if (pidfd === undefined) return 0;
  using main = pidfd;
  while (!waitPidfd(main, intervalMs)) printStats(context, container);
  return 0;
}

function intervalOf(text: string | undefined): number {
  if (text === undefined) return defaultIntervalMs;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const ms = Number(match?.[1]) * (unitsMs[match?.[2] ?? ""] ?? Number.NaN);
  if (!(ms > 0)) throw usage(`--interval is ${JSON.stringify(text)}, wanted a duration such as 5s`);
  return ms;
}

function printStats({ host }: CommandContext, { id, record }: StoredContainer): void {
  const { cgroup } = record;
  if (cgroup === null)
    throw new TiffinError("unavailable", "runtime.no-cgroup", "the container has no cgroup");
  const data = statsDocument(readCgroupStats(cgroup.facts, cgroup.directory));
  host.print(1, `${JSON.stringify({ type: "stats", id, data })}\n`);
}

/** 2^64 - 1 and its like would lose digits in JSON readers; no limit is 0, as for limits that do not exist. */
function limitOf(value: number | null): number {
  return value ?? 0;
}

function blockEntries(entries: readonly BlockIoEntry[]): readonly object[] {
  return entries.map(({ major, minor, op, value }) => ({
    major,
    minor,
    op: `${op.slice(0, 1).toUpperCase()}${op.slice(1)}`,
    value,
  }));
}

function statsDocument({ memory, cpu, pids, blockIo }: CgroupStats): Readonly<Record<string, unknown>> {
  const { stat } = memory;
  return {
    cpu: {
      usage: { total: cpu.totalNs, percpu: cpu.perCpuNs, kernel: cpu.systemNs, user: cpu.userNs },
      throttling: {
        periods: cpu.periods,
        throttledPeriods: cpu.throttledPeriods,
        throttledTime: cpu.throttledNs,
      },
    },
    memory: {
      cache: stat["cache"] ?? stat["file"] ?? 0,
      usage: {
        limit: limitOf(memory.limitBytes),
        usage: memory.usageBytes,
        max: memory.maxUsageBytes,
        failcnt: memory.limitHits,
      },
      raw: stat,
    },
    pids: { current: pids.current, limit: limitOf(pids.limit) },
    blkio: {
      ioServiceBytesRecursive: blockEntries(blockIo.serviceBytes),
      ioServicedRecursive: blockEntries(blockIo.serviced),
    },
    hugetlb: {},
    intel_rdt: {},
  };
}
