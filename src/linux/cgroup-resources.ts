/** The resource limits of a container, in the shape of the OCI runtime specification's `linux.resources`. */

export interface MemoryResources {
  /** Bytes; -1 is unlimited. */
  readonly limit?: number | undefined;
  readonly reservation?: number | undefined;
  /** Memory plus swap, bytes; -1 is unlimited. */
  readonly swap?: number | undefined;
  /** Accepted and ignored: kernel memory has no limit of its own since Linux 5.16. */
  readonly kernel?: number | undefined;
  readonly kernelTCP?: number | undefined;
  readonly swappiness?: number | undefined;
  readonly disableOOMKiller?: boolean | undefined;
  readonly useHierarchy?: boolean | undefined;
  readonly checkBeforeUpdate?: boolean | undefined;
}

export interface CpuResources {
  readonly shares?: number | undefined;
  /** Microseconds per period; 0 or less is unlimited. */
  readonly quota?: number | undefined;
  readonly burst?: number | undefined;
  readonly period?: number | undefined;
  readonly realtimeRuntime?: number | undefined;
  readonly realtimePeriod?: number | undefined;
  readonly cpus?: string | undefined;
  readonly mems?: string | undefined;
  readonly idle?: number | undefined;
}

export interface BlockWeightDevice {
  readonly major: number;
  readonly minor: number;
  readonly weight?: number | undefined;
  readonly leafWeight?: number | undefined;
}

export interface BlockThrottleDevice {
  readonly major: number;
  readonly minor: number;
  readonly rate: number;
}

export interface BlockIoResources {
  readonly weight?: number | undefined;
  readonly leafWeight?: number | undefined;
  readonly weightDevice?: readonly BlockWeightDevice[] | undefined;
  readonly throttleReadBpsDevice?: readonly BlockThrottleDevice[] | undefined;
  readonly throttleWriteBpsDevice?: readonly BlockThrottleDevice[] | undefined;
  readonly throttleReadIOPSDevice?: readonly BlockThrottleDevice[] | undefined;
  readonly throttleWriteIOPSDevice?: readonly BlockThrottleDevice[] | undefined;
}

/** A rule of the device list; a missing number or -1 means every number. */
export interface DeviceRule {
  readonly allow: boolean;
  readonly type?: string | undefined;
  readonly major?: number | undefined;
  readonly minor?: number | undefined;
  /** Letters of `rwm`; missing means all. */
  readonly access?: string | undefined;
}

export interface RdmaResources {
  readonly hcaHandles?: number | undefined;
  readonly hcaObjects?: number | undefined;
}

export interface CgroupResources {
  readonly memory?: MemoryResources | undefined;
  readonly cpu?: CpuResources | undefined;
  readonly pids?: { readonly limit?: number | undefined } | undefined;
  readonly blockIO?: BlockIoResources | undefined;
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[] | undefined;
  readonly network?:
    | {
        readonly classID?: number | undefined;
        readonly priorities?: readonly { readonly name: string; readonly priority: number }[] | undefined;
      }
    | undefined;
  readonly rdma?: Readonly<Record<string, RdmaResources>> | undefined;
  readonly unified?: Readonly<Record<string, string>> | undefined;
  readonly devices?: readonly DeviceRule[] | undefined;
}
