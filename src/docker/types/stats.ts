/** What a container uses (Docker's API 1.50). Counters of 64 bits are bigint where a double would lose digits. */
import {
  type Decoded,
  type Decoder,
  integer,
  integer64,
  list,
  mapOf,
  nullable,
  object,
  optional,
  text,
} from "../decode.ts";

/** What cgroup v2 without a limit of processes says. */
export const noProcessLimit = 2n ** 64n - 1n;

const processLimit: Decoder<number | bigint> = (value, path) =>
  value === noProcessLimit ? noProcessLimit : integer64(value, path);

const blockIoEntry = object({ major: integer, minor: integer, op: text, value: integer64 });
const blockIoEntries = nullable(list(blockIoEntry));

const cpuStats = object({
  cpu_usage: object({
    total_usage: integer64,
    percpu_usage: optional(list(integer64)),
    usage_in_kernelmode: integer64,
    usage_in_usermode: integer64,
  }),
  system_cpu_usage: optional(integer64),
  online_cpus: optional(integer),
  throttling_data: object({ periods: integer64, throttled_periods: integer64, throttled_time: integer64 }),
});
export interface CpuStatsDocument extends Decoded<typeof cpuStats> {}

const networkStats = object({
  rx_bytes: integer64,
  rx_packets: integer64,
  rx_errors: integer64,
  rx_dropped: integer64,
  tx_bytes: integer64,
  tx_packets: integer64,
  tx_errors: integer64,
  tx_dropped: integer64,
});

export const containerStats = object({
  name: optional(text),
  id: optional(text),
  read: text,
  preread: text,
  pids_stats: object({ current: optional(integer64), limit: optional(processLimit) }),
  blkio_stats: object({
    io_service_bytes_recursive: blockIoEntries,
    io_serviced_recursive: blockIoEntries,
    io_queue_recursive: blockIoEntries,
    io_service_time_recursive: blockIoEntries,
    io_wait_time_recursive: blockIoEntries,
    io_merged_recursive: blockIoEntries,
    io_time_recursive: blockIoEntries,
    sectors_recursive: blockIoEntries,
  }),
  num_procs: integer,
  storage_stats: object({}),
  cpu_stats: cpuStats,
  precpu_stats: cpuStats,
  memory_stats: object({
    usage: optional(integer64),
    max_usage: optional(integer64),
    stats: optional(mapOf(integer64)),
    failcnt: optional(integer64),
    limit: optional(integer64),
  }),
  /** By interface; absent without a network of its own. */
  networks: optional(mapOf(networkStats)),
});
export interface ContainerStats extends Decoded<typeof containerStats> {}
