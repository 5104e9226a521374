/** `tiffin update`. */
import type { LiveChanges } from "../../docker/types/container.ts";
import { defineCommand } from "../command.ts";
import { health } from "../container-config/body-sections.ts";
import { containerFlags } from "../container-config/container-flags.ts";
import { parseRestartPolicy } from "../container-config/limit-specs.ts";
import { parseMount } from "../container-config/mount-specs.ts";
import { endpointOf, parseNetwork } from "../container-config/network-specs.ts";
import { portMaps } from "../container-config/port-specs.ts";
import { eachContainer } from "../each-container.ts";
import { list, text, type Values } from "../flags/flag.ts";

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

/** What Docker's engine cannot change. */
const liveFlags = {
  "env-add": list("", "Set an environment variable for later execs and starts (NAME=value)"),
  "env-rm": list("", "Remove an environment variable for later execs and starts"),
  "health-cmd": containerFlags["health-cmd"],
  "health-grpc": containerFlags["health-grpc"],
  "health-http": containerFlags["health-http"],
  "health-interval": containerFlags["health-interval"],
  "health-retries": containerFlags["health-retries"],
  "health-start-interval": containerFlags["health-start-interval"],
  "health-start-period": containerFlags["health-start-period"],
  "health-tcp": containerFlags["health-tcp"],
  "health-timeout": containerFlags["health-timeout"],
  "label-add": list("", "Set a label (NAME=value)"),
  "label-rm": list("", "Remove a label"),
  "mount-add": list("", "Attach a file system, written as for --mount of run", (value) => {
    parseMount(value, "/");
    return value;
  }),
  "mount-rm": list("", "Take off the mount at this path in the container"),
  "network-add": list("", "Join a network, written as for --network of run", (value) => {
    parseNetwork(value);
    return value;
  }),
  "network-rm": list("", "Leave this network"),
  "no-healthcheck": containerFlags["no-healthcheck"],
  "publish-add": list("", "Publish a port on the host, written as for --publish of run", (value) => {
    portMaps([value], []);
    return value;
  }),
  "publish-rm": list("", "Publish this port of the container no more (PORT[/PROTOCOL])"),
};

type LiveValues = Values<typeof liveFlags>;

/** Undefined where none of them was given. */
function liveChanges(values: LiveValues, given: ReadonlySet<string>, cwd: string): LiveChanges | undefined {
  const isGiven = (names: readonly string[]): boolean => names.some((name) => given.has(name));
  if (!isGiven(Object.keys(liveFlags))) return undefined;
  const added = values["label-add"].map((text): [string, string] => {
    const equals = text.indexOf("=");
    return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
  });
  for (const text of values["env-add"]) {
    if (!text.includes("=")) throw new Error(`--env-add wants NAME=value, not ${JSON.stringify(text)}`);
  }
  const removed = values["label-rm"].map((name): [string, null] => [name, null]);
  const check = isGiven(health.options) ? health.build(values).config?.Healthcheck : undefined;
  return {
    ...(isGiven(["label-add", "label-rm"]) && { Labels: Object.fromEntries([...removed, ...added]) }),
    ...(isGiven(["env-add", "env-rm"]) && { Env: [...values["env-rm"], ...values["env-add"]] }),
    ...(isGiven(["mount-add", "mount-rm"]) && {
      Mounts: { Add: values["mount-add"].map((text) => parseMount(text, cwd)), Remove: values["mount-rm"] },
    }),
    ...(isGiven(["network-add", "network-rm"]) && {
      Networks: {
        Add: Object.fromEntries(
          values["network-add"].map(parseNetwork).map((option) => [option.target, endpointOf(option)]),
        ),
        Remove: values["network-rm"],
      },
    }),
    ...(isGiven(["publish-add", "publish-rm"]) && {
      Ports: { Add: portMaps(values["publish-add"], []).bindings, Remove: values["publish-rm"] },
    }),
    ...(check !== undefined && check !== null && { Healthcheck: check }),
  };
}

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
    ...liveFlags,
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
      Tiffin: liveChanges(values, given, context.io.cwd),
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
