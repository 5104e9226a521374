/** Two moments of a container as Docker's document of its statistics. Pure. */
import { type ContainerStats, type CpuStatsDocument, noProcessLimit } from "../../../docker/types/stats.ts";
import type { BlockIoEntry } from "../../../linux/cgroup-stats.ts";
import type { LinkCounters, TrafficCounters } from "../../../linux/netlink/link.ts";
import { timeText } from "../view/mod.ts";
import type { Sample } from "./sample.ts";

export interface Machine {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly cgroupVersion: 1 | 2;
}

const noUsage = { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 };
const noThrottling = { periods: 0, throttled_periods: 0, throttled_time: 0 };
const noCpu: CpuStatsDocument = { cpu_usage: noUsage, throttling_data: noThrottling };

/** Of a container that does not run: as complete as any, and nothing but zeros. */
export function emptyStats(id: string, name: string): ContainerStats {
  return {
    name: `/${name}`,
    id,
    read: timeText(0),
    preread: timeText(0),
    pids_stats: {},
    blkio_stats: blockIo(null, null, null),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: noCpu,
    precpu_stats: noCpu,
    memory_stats: {},
  };
}

/** `before`: the moment to compare with; undefined is none. */
export function statsDocument(
  { id, name }: { readonly id: string; readonly name: string },
  sample: Sample,
  before: Sample | undefined,
  machine: Machine,
): ContainerStats {
  const { group, links } = sample;
  const isV1 = machine.cgroupVersion === 1;
  const { current, limit } = group.pids;
  const { memory } = group;
  const memoryLimit = Math.min(memory.limitBytes ?? machine.memoryBytes, machine.memoryBytes);
  const rest = isV1 ? [] : null;
  return {
    ...emptyStats(id, name),
    read: timeText(sample.timeMs),
    preread: timeText(before?.timeMs ?? 0),
    pids_stats: {
      ...(current > 0 && { current }),
      ...(limit !== null ? { limit } : isV1 ? {} : { limit: noProcessLimit }),
    },
    blkio_stats: blockIo(
      entriesOf(group.blockIo.serviceBytes, isV1),
      entriesOf(group.blockIo.serviced, isV1),
      rest,
    ),
    cpu_stats: cpuOf(sample, machine),
    precpu_stats: before === undefined ? noCpu : cpuOf(before, machine),
    memory_stats: {
      usage: memory.usageBytes,
      // Docker tells the peak, and how often the limit was met, of the older hierarchy only.
      ...(isV1 && memory.maxUsageBytes > 0 && { max_usage: memory.maxUsageBytes }),
      stats: memory.stat,
      ...(isV1 && memory.limitHits > 0 && { failcnt: memory.limitHits }),
      limit: memoryLimit,
    },
    ...(links !== undefined && links.length > 0 && { networks: networksOf(links) }),
  };
}

function cpuOf({ group: { cpu }, systemNs }: Sample, { cpus }: Machine): CpuStatsDocument {
  return {
    cpu_usage: {
      total_usage: cpu.totalNs,
      ...(cpu.perCpuNs.length > 0 && { percpu_usage: cpu.perCpuNs }),
      usage_in_kernelmode: cpu.systemNs,
      usage_in_usermode: cpu.userNs,
    },
    system_cpu_usage: systemNs,
    online_cpus: cpus,
    throttling_data: {
      periods: cpu.periods,
      throttled_periods: cpu.throttledPeriods,
      throttled_time: cpu.throttledNs,
    },
  };
}

type Entries = NonNullable<ContainerStats["blkio_stats"]["io_queue_recursive"]> | null;

/** Where nothing was read or written v2 has no list, in Docker's documents, and v1 an empty one. */
function entriesOf(entries: readonly BlockIoEntry[], isV1: boolean): Entries {
  return entries.length === 0 && !isV1 ? null : entries;
}

function blockIo(bytes: Entries, operations: Entries, rest: Entries): ContainerStats["blkio_stats"] {
  return {
    io_service_bytes_recursive: bytes,
    io_serviced_recursive: operations,
    io_queue_recursive: rest,
    io_service_time_recursive: rest,
    io_wait_time_recursive: rest,
    io_merged_recursive: rest,
    io_time_recursive: rest,
    sectors_recursive: rest,
  };
}

function networksOf(links: readonly LinkCounters[]): NonNullable<ContainerStats["networks"]> {
  return Object.fromEntries(
    links.map(({ name, received, sent }) => [
      name,
      {
        rx_bytes: exact(received.bytes),
        rx_packets: exact(received.packets),
        rx_errors: exact(received.errors),
        rx_dropped: exact(received.dropped),
        tx_bytes: exact(sent.bytes),
        tx_packets: exact(sent.packets),
        tx_errors: exact(sent.errors),
        tx_dropped: exact(sent.dropped),
      },
    ]),
  );
}

/** Documents without a bigint are written the quick way. */
function exact(count: TrafficCounters["bytes"]): number | bigint {
  return count <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(count) : count;
}
