/** A container's statistics as a row of `tiffin stats`, by Docker's formulas. Pure. */
import type { ContainerStats, CpuStatsDocument } from "../../docker/types/stats.ts";
import { own } from "../../lib/own.ts";
import { binarySize, humanSize } from "../format/human.ts";
import type { Row } from "../format/list-format.ts";

const shortIdLength = 12;

export const statsShape = {
  columns: ["ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"],
  headings: {
    Container: "CONTAINER",
    ID: "CONTAINER ID",
    Name: "NAME",
    CPUPerc: "CPU %",
    MemUsage: "MEM USAGE / LIMIT",
    MemPerc: "MEM %",
    NetIO: "NET I/O",
    BlockIO: "BLOCK I/O",
    PIDs: "PIDS",
  },
  rowType: "*container.statsContext",
};

/** Of one processor, so that four busy ones are 400. Zero without an earlier moment. */
export function cpuPercent(now: CpuStatsDocument, before: CpuStatsDocument): number {
  const used = Number(now.cpu_usage.total_usage) - Number(before.cpu_usage.total_usage);
  const passed = Number(now.system_cpu_usage ?? 0) - Number(before.system_cpu_usage ?? 0);
  const cpus = now.online_cpus || (now.cpu_usage.percpu_usage?.length ?? 0);
  return used > 0 && passed > 0 ? (used / passed) * cpus * 100 : 0;
}

/** Without the page cache that the kernel gives back first: v1 counts it for the group and all below, v2 always does. */
export function usedMemory({ usage = 0, stats = {} }: ContainerStats["memory_stats"]): number {
  const inactive = own(stats, "total_inactive_file") ?? own(stats, "inactive_file") ?? 0;
  return inactive < usage ? Number(usage) - Number(inactive) : Number(usage);
}

function blockBytes({ blkio_stats }: ContainerStats, initial: "r" | "w"): number {
  const entries = blkio_stats.io_service_bytes_recursive ?? [];
  const wanted = entries.filter(({ op }) => op.toLowerCase().startsWith(initial));
  return wanted.reduce((sum, { value }) => sum + Number(value), 0);
}

function networkBytes({ networks = {} }: ContainerStats, key: "rx_bytes" | "tx_bytes"): number {
  return Object.values(networks).reduce((sum, counters) => sum + Number(counters[key]), 0);
}

const percent = (value: number): string => `${value.toFixed(2)}%`;

/** `container`: as the user named it. Without statistics yet, or any more, every figure is `--`. */
export function statsRow(container: string, stats: ContainerStats | undefined, whole: boolean): Row {
  if (stats === undefined) {
    const pair = "-- / --";
    const unknown = { CPUPerc: "--", MemUsage: pair, MemPerc: "--", NetIO: pair, BlockIO: pair, PIDs: "--" };
    return { Container: container, ID: container, Name: "--", ...unknown };
  }
  const { id = "", name = "", memory_stats: memory } = stats;
  const used = usedMemory(memory);
  const limit = Number(memory.limit ?? 0);
  return {
    Container: container,
    ID: whole ? id : id.slice(0, shortIdLength),
    Name: name.replace(/^\//, ""),
    CPUPerc: percent(cpuPercent(stats.cpu_stats, stats.precpu_stats)),
    MemUsage: `${binarySize(used)} / ${binarySize(limit)}`,
    MemPerc: percent(limit === 0 ? 0 : (used / limit) * 100),
    NetIO: `${humanSize(networkBytes(stats, "rx_bytes"))} / ${humanSize(networkBytes(stats, "tx_bytes"))}`,
    BlockIO: `${humanSize(blockBytes(stats, "r"))} / ${humanSize(blockBytes(stats, "w"))}`,
    PIDs: String(stats.pids_stats.current ?? 0),
  };
}
