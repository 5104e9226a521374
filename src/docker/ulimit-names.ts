/** The resource limits that `--ulimit` and `HostConfig.Ulimits` know: the kernel's, without the address space, as in Docker. */
export const ulimitNames: readonly string[] = [
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
];
