import { expect, test } from "bun:test";
import type { ContainerStats } from "../../docker/types/stats.ts";
import { cpuPercent, statsRow, usedMemory } from "./stats-row.ts";

function cpu(total: number, system: number | undefined, cpus?: number) {
  return {
    cpu_usage: { total_usage: total, usage_in_kernelmode: 0, usage_in_usermode: 0 },
    ...(system !== undefined && { system_cpu_usage: system }),
    ...(cpus !== undefined && { online_cpus: cpus }),
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  };
}

test("percent of a processor: what the container used of what all processors passed, times the processors", () => {
  expect(cpuPercent(cpu(1_500, 4_000, 4), cpu(500, 2_000, 4))).toBe(200);
  expect(cpuPercent(cpu(1_500, 4_000, 4), cpu(0, undefined))).toBe(150);
  expect(cpuPercent(cpu(500, 4_000, 4), cpu(500, 2_000, 4))).toBe(0);
  expect(cpuPercent(cpu(1_500, 2_000, 4), cpu(500, 2_000, 4))).toBe(0);
});

test("memory without the cache that is given back first, on both versions of cgroups", () => {
  expect(usedMemory({ usage: 100, stats: { total_inactive_file: 30, inactive_file: 10 } })).toBe(70);
  expect(usedMemory({ usage: 100, stats: { inactive_file: 10 } })).toBe(90);
  expect(usedMemory({ usage: 100, stats: { inactive_file: 100 } })).toBe(100);
  expect(usedMemory({})).toBe(0);
});

test("a row with counters of several interfaces and devices, and one of a container that has said nothing", () => {
  const counters = { rx_packets: 0, rx_errors: 0, rx_dropped: 0, tx_packets: 0, tx_errors: 0, tx_dropped: 0 };
  const entry = { major: 8, minor: 0 };
  const stats: ContainerStats = {
    name: "/web",
    id: "0123456789abcdef",
    read: "",
    preread: "",
    pids_stats: { current: 3 },
    blkio_stats: {
      io_service_bytes_recursive: [
        { ...entry, op: "Read", value: 1_000 },
        { ...entry, minor: 16, op: "read", value: 500 },
        { ...entry, op: "write", value: 2_000_000 },
        { ...entry, op: "total", value: 2_001_500 },
      ],
      io_serviced_recursive: null,
      io_queue_recursive: null,
      io_service_time_recursive: null,
      io_wait_time_recursive: null,
      io_merged_recursive: null,
      io_time_recursive: null,
      sectors_recursive: null,
    },
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpu(1_500, 4_000, 2),
    precpu_stats: cpu(500, 2_000, 2),
    memory_stats: { usage: 48 * 2 ** 20, limit: 64 * 2 ** 20, stats: { inactive_file: 16 * 2 ** 20 } },
    networks: {
      eth0: { ...counters, rx_bytes: 1_000, tx_bytes: 10n },
      eth1: { ...counters, rx_bytes: 260, tx_bytes: 5 },
    },
  };
  expect(statsRow("web", stats, false)).toEqual({
    Container: "web",
    ID: "0123456789ab",
    Name: "web",
    CPUPerc: "100.00%",
    MemUsage: "32MiB / 64MiB",
    MemPerc: "50.00%",
    NetIO: "1.26kB / 15B",
    BlockIO: "1.5kB / 2MB",
    PIDs: "3",
  });
  expect(statsRow("web", stats, true)["ID"]).toBe("0123456789abcdef");
  expect(statsRow("web", undefined, false)).toMatchObject({ ID: "web", CPUPerc: "--", MemUsage: "-- / --" });
});
