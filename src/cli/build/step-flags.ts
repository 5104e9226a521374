/** Options of `build` for the steps that run a program, and those of Docker's that mean nothing here. */

import { parseUlimit } from "../container-config/limit-specs.ts";
import { bytes, bytesOrUnlimited } from "../flags/byte-size.ts";
import { integer, list, text, toggle, type Values } from "../flags/flag.ts";

export const stepFlags = {
  "cgroup-parent": text("", "Parent cgroup of steps"),
  compress: toggle("", "Changes nothing: the context does not go over a line"),
  "cpu-period": integer("", "Length of a CPU accounting period of steps in microseconds"),
  "cpu-quota": integer("", "CPU time of steps in each period in microseconds"),
  "cpu-shares": integer("c", "Relative weight of steps when CPUs are contended"),
  "cpuset-cpus": text("", "CPUs for steps to run on (0-3, 0,1)"),
  "cpuset-mems": text("", "Memory nodes for steps to allocate from (0-3, 0,1)"),
  "disable-content-trust": toggle("", "Changes nothing: there is no such trust", true),
  "force-rm": toggle("", "Changes nothing: containers of steps always go"),
  isolation: text("", "How steps are apart from the host (default)"),
  memory: bytes("m", "Memory limit of steps"),
  "memory-swap": bytesOrUnlimited("", "Memory and swap of steps together; -1 for unlimited swap"),
  rm: toggle("", "Changes nothing: containers of steps always go", true),
  "security-opt": list("", "Security options of steps"),
  "shm-size": bytes("", "Size of /dev/shm of steps"),
  squash: toggle("", "Make one layer of all (not done)"),
  ulimit: list("", "Resource limits of steps (name=soft[:hard])", (value) => {
    parseUlimit(value);
    return value;
  }),
} as const;

/** As parameters of the request; those that nobody gave are absent. */
export function stepQuery(values: Values<typeof stepFlags>) {
  return {
    cgroupparent: values["cgroup-parent"] || undefined,
    cpuperiod: values["cpu-period"],
    cpuquota: values["cpu-quota"],
    cpushares: values["cpu-shares"],
    cpusetcpus: values["cpuset-cpus"] || undefined,
    cpusetmems: values["cpuset-mems"] || undefined,
    isolation: values.isolation || undefined,
    memory: values.memory,
    memswap: values["memory-swap"],
    securityopt: values["security-opt"].length > 0 ? values["security-opt"] : undefined,
    shmsize: values["shm-size"],
    squash: values.squash || undefined,
    ulimits: values.ulimit.length > 0 ? values.ulimit.map(parseUlimit) : undefined,
    rm: true,
  };
}
