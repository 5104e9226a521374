/** Resource limits by OCI name and number (asm-generic/resource.h). */
export const rlimitNumbers = {
  RLIMIT_CPU: 0,
  RLIMIT_FSIZE: 1,
  RLIMIT_DATA: 2,
  RLIMIT_STACK: 3,
  RLIMIT_CORE: 4,
  RLIMIT_RSS: 5,
  RLIMIT_NPROC: 6,
  RLIMIT_NOFILE: 7,
  RLIMIT_MEMLOCK: 8,
  RLIMIT_AS: 9,
  RLIMIT_LOCKS: 10,
  RLIMIT_SIGPENDING: 11,
  RLIMIT_MSGQUEUE: 12,
  RLIMIT_NICE: 13,
  RLIMIT_RTPRIO: 14,
  RLIMIT_RTTIME: 15,
} as const satisfies Record<string, number>;

export type RlimitName = keyof typeof rlimitNumbers;

/** No limit, as the kernel writes it. */
export const rlimitInfinity = 0xffff_ffff_ffff_ffffn;

export function isRlimitName(name: string): name is RlimitName {
  return Object.hasOwn(rlimitNumbers, name);
}

/** `RLIMIT_NOFILE` for `nofile`, Docker's spelling of `--ulimit`. Undefined when there is no such limit. */
export function rlimitOfUlimit(name: string): RlimitName | undefined {
  const full = `RLIMIT_${name.toUpperCase()}`;
  return isRlimitName(full) ? full : undefined;
}
