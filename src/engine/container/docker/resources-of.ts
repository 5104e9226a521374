/** Docker's limits as the specification has them: 0, and what Docker takes for none, is left out. Pure. */
import type { HostConfig } from "../../../docker/types/host-config.ts";
import type { ResourceLimits } from "../specification/mod.ts";

type Throttles = HostConfig["BlkioDeviceReadBps"];

function rates(list: Throttles): ResourceLimits["blockReadBytes"] {
  return (list ?? []).map(({ Path, Rate }) => ({ path: Path, rate: Rate }));
}

export function resourcesOf(host: HostConfig): ResourceLimits {
  // What is negative is not left out where it is an error, so that the check can say so.
  const swappiness = host.MemorySwappiness ?? -1;
  const pids = host.PidsLimit ?? 0;
  return {
    cgroupParent: host.CgroupParent ?? "",
    ...(host.Memory && { memoryBytes: host.Memory }),
    ...(host.MemoryReservation && { memoryReservationBytes: host.MemoryReservation }),
    ...(host.MemorySwap && { memoryAndSwapBytes: host.MemorySwap }),
    ...(swappiness !== -1 && { swappiness }),
    oomKillDisabled: host.OomKillDisable ?? false,
    ...(host.CpuShares && { cpuShares: host.CpuShares }),
    ...(host.NanoCpus && { nanoCpus: host.NanoCpus }),
    ...(host.CpuPeriod && { cpuPeriodUs: host.CpuPeriod }),
    ...(host.CpuQuota && { cpuQuotaUs: host.CpuQuota }),
    ...(host.CpuRealtimePeriod && { cpuRealtimePeriodUs: host.CpuRealtimePeriod }),
    ...(host.CpuRealtimeRuntime && { cpuRealtimeRuntimeUs: host.CpuRealtimeRuntime }),
    ...(host.CpusetCpus && { cpus: host.CpusetCpus }),
    ...(host.CpusetMems && { memoryNodes: host.CpusetMems }),
    ...(pids > 0 && { pids }),
    ...(host.BlkioWeight && { blockWeight: host.BlkioWeight }),
    blockWeights: (host.BlkioWeightDevice ?? []).map(({ Path, Weight }) => ({ path: Path, weight: Weight })),
    blockReadBytes: rates(host.BlkioDeviceReadBps),
    blockWriteBytes: rates(host.BlkioDeviceWriteBps),
    blockReadOperations: rates(host.BlkioDeviceReadIOps),
    blockWriteOperations: rates(host.BlkioDeviceWriteIOps),
  };
}
