/** What a machine's control groups cannot enforce, in Docker's words where Docker has some. `{0}` is a controller. */
export const cgroupWarnings = [
  "No cgroup is mounted: no limit is enforced",
  "linux.resources.unified needs cgroup v2: not applied",
  "linux.resources.network needs cgroup v1: not applied",
  "Your kernel does not support the {0} cgroup or the cgroup is not mounted. Limits of it are discarded.",
  "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.",
  "OomKillDisable is discarded: cgroup v2 has no way to disable the OOM killer",
  "MemorySwappiness is discarded: cgroup v2 has no swappiness of its own",
  "CPU real-time limits are discarded: cgroup v2 has none",
] as const;

export type CgroupWarningSaying = (typeof cgroupWarnings)[number];

type WithController<T extends string> = T extends `${infer Before}{0}${infer After}`
  ? `${Before}${string}${After}`
  : T;

/** One of them, with the controller in its place: a sentence that is not here does not compile. */
export type CgroupWarning = WithController<CgroupWarningSaying>;
