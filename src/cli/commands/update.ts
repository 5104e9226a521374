/** `tiffin update`. */
import { defineCommand } from "../command.ts";
import { containerFlags } from "../container-config/container-flags.ts";
import { parseRestartPolicy } from "../container-config/limit-specs.ts";
import { eachContainer } from "../each-container.ts";
import { text } from "../flags/flag.ts";

const {
  "blkio-weight": blockWeight,
  "cpu-period": period,
  "cpu-quota": quota,
  "cpu-rt-period": realtimePeriod,
  "cpu-rt-runtime": realtimeRuntime,
  "cpu-shares": shares,
  cpus,
  "cpuset-cpus": cpuSet,
  "cpuset-mems": memoryNodes,
  memory,
  "memory-reservation": reservation,
  "memory-swap": swap,
  "pids-limit": pids,
} = containerFlags;

export const command = defineCommand({
  names: ["container update", "update"],
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Update configuration of one or more containers",
  flags: {
    "blkio-weight": blockWeight,
    "cpu-period": period,
    "cpu-quota": quota,
    "cpu-rt-period": realtimePeriod,
    "cpu-rt-runtime": realtimeRuntime,
    "cpu-shares": shares,
    cpus,
    "cpuset-cpus": cpuSet,
    "cpuset-mems": memoryNodes,
    memory,
    "memory-reservation": reservation,
    "memory-swap": swap,
    "pids-limit": pids,
    restart: text("", "What to do when the container exits"),
  },
  least: 1,
  async run({ values, given, positionals, context }) {
    if (given.size === 0) throw new Error("you must provide one or more flags when using this command");
    const body = {
      BlkioWeight: values["blkio-weight"],
      CpuPeriod: values["cpu-period"],
      CpuQuota: values["cpu-quota"],
      CpuRealtimePeriod: values["cpu-rt-period"],
      CpuRealtimeRuntime: values["cpu-rt-runtime"],
      CpuShares: values["cpu-shares"],
      NanoCpus: values.cpus,
      CpusetCpus: values["cpuset-cpus"],
      CpusetMems: values["cpuset-mems"],
      Memory: values.memory,
      MemoryReservation: values["memory-reservation"],
      MemorySwap: values["memory-swap"],
      PidsLimit: given.has("pids-limit") ? values["pids-limit"] : undefined,
      RestartPolicy: parseRestartPolicy(values.restart),
    };
    const warnings: string[] = [];
    const failed = await eachContainer(context, positionals, async (api, name) => {
      const { Warnings } = await api.document("containerUpdate", { params: { name }, body });
      warnings.push(...(Warnings ?? []));
      return undefined;
    });
    for (const warning of warnings) context.err(`${warning}\n`);
    return failed.length === 0 ? 0 : 1;
  },
});
