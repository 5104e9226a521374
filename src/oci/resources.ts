/**
 * `linux.resources` of the OCI runtime specification: cgroup limits. Byte counts are bytes, -1 is "unlimited"
 * where the specification says so, CPU times are microseconds.
 */
export interface OciDeviceCgroupRule {
  readonly allow: boolean;
  /** `a` all, `c` character, `b` block; `a` when absent. */
  readonly type?: "a" | "b" | "c";
  /** Absent: any. */
  readonly major?: number;
  readonly minor?: number;
  /** Any of `r`, `w`, `m`. */
  readonly access?: string;
}

export interface OciMemory {
  readonly limit?: number;
  readonly reservation?: number;
  /** Memory and swap together. */
  readonly swap?: number;
  readonly kernel?: number;
  readonly kernelTCP?: number;
  /** 0 to 100. */
  readonly swappiness?: number;
  readonly disableOOMKiller?: boolean;
  readonly useHierarchy?: boolean;
  readonly checkBeforeUpdate?: boolean;
}

export interface OciCpu {
  readonly shares?: number;
  readonly quota?: number;
  readonly burst?: number;
  readonly period?: number;
  readonly realtimeRuntime?: number;
  readonly realtimePeriod?: number;
  readonly cpus?: string;
  readonly mems?: string;
  /** 1: SCHED_IDLE for the group. */
  readonly idle?: number;
}

export interface OciPids {
  /** Less than 0: unlimited. 0: nothing but the program itself. */
  readonly limit?: number;
}

export interface OciWeightDevice {
  readonly major: number;
  readonly minor: number;
  readonly weight?: number;
  readonly leafWeight?: number;
}

export interface OciThrottleDevice {
  readonly major: number;
  readonly minor: number;
  /** Bytes or operations per second. */
  readonly rate: number;
}

export interface OciBlockIo {
  readonly weight?: number;
  readonly leafWeight?: number;
  readonly weightDevice?: readonly OciWeightDevice[];
  readonly throttleReadBpsDevice?: readonly OciThrottleDevice[];
  readonly throttleWriteBpsDevice?: readonly OciThrottleDevice[];
  readonly throttleReadIOPSDevice?: readonly OciThrottleDevice[];
  readonly throttleWriteIOPSDevice?: readonly OciThrottleDevice[];
}

export interface OciHugepageLimit {
  /** `2MB`, `1GB` ... */
  readonly pageSize: string;
  readonly limit: number;
}

export interface OciNetworkResources {
  readonly classID?: number;
  readonly priorities?: readonly { readonly name: string; readonly priority: number }[];
}

export interface OciRdma {
  readonly hcaHandles?: number;
  readonly hcaObjects?: number;
}

export interface OciResources {
  readonly devices?: readonly OciDeviceCgroupRule[];
  readonly memory?: OciMemory;
  readonly cpu?: OciCpu;
  readonly pids?: OciPids;
  readonly blockIO?: OciBlockIo;
  readonly hugepageLimits?: readonly OciHugepageLimit[];
  readonly network?: OciNetworkResources;
  readonly rdma?: Readonly<Record<string, OciRdma>>;
  /** cgroup v2 files, verbatim. */
  readonly unified?: Readonly<Record<string, string>>;
}
