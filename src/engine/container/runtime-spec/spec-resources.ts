/** A specification's limits as the OCI's `linux.resources`. Pure. */
import type {
  OciBlockIo,
  OciCpu,
  OciDevice,
  OciDeviceCgroupRule,
  OciMemory,
  OciResources,
} from "../../../oci/mod.ts";
import type { ContainerSpecification, ResourceLimits } from "../specification/mod.ts";

/** Device numbers of a path on the host, for throttles by device. */
export type DeviceNumbers = (path: string) => { readonly major: number; readonly minor: number };

const nanoPerCpu = 1e9;
const period = 100_000;

/** More than any machine has is no limit, which is what the kernel makes of it too. */
function bytesOf(value: number | bigint): number {
  return typeof value === "bigint" ? -1 : value;
}

function rateOf(value: number | bigint): number {
  return typeof value === "bigint" ? Number.MAX_SAFE_INTEGER : value;
}

function memoryOf(limits: ResourceLimits): OciMemory | undefined {
  const { memoryBytes, memoryReservationBytes, memoryAndSwapBytes, swappiness } = limits;
  const memory: OciMemory = {
    ...(memoryBytes !== undefined && { limit: bytesOf(memoryBytes) }),
    ...(memoryReservationBytes !== undefined && { reservation: bytesOf(memoryReservationBytes) }),
    ...(memoryAndSwapBytes !== undefined && { swap: bytesOf(memoryAndSwapBytes) }),
    ...(swappiness !== undefined && { swappiness }),
    ...(limits.oomKillDisabled && { disableOOMKiller: true }),
  };
  return Object.keys(memory).length > 0 ? memory : undefined;
}

function cpuOf(limits: ResourceLimits): OciCpu | undefined {
  const { cpuShares, nanoCpus, cpuPeriodUs, cpuQuotaUs, cpus, memoryNodes } = limits;
  const { cpuRealtimePeriodUs, cpuRealtimeRuntimeUs } = limits;
  const cpu: OciCpu = {
    ...(cpuShares !== undefined && { shares: cpuShares }),
    ...(nanoCpus !== undefined && { period, quota: Math.round((nanoCpus * period) / nanoPerCpu) }),
    ...(cpuPeriodUs !== undefined && { period: cpuPeriodUs }),
    ...(cpuQuotaUs !== undefined && { quota: cpuQuotaUs }),
    ...(cpuRealtimePeriodUs !== undefined && { realtimePeriod: cpuRealtimePeriodUs }),
    ...(cpuRealtimeRuntimeUs !== undefined && { realtimeRuntime: cpuRealtimeRuntimeUs }),
    ...(cpus !== undefined && { cpus }),
    ...(memoryNodes !== undefined && { mems: memoryNodes }),
  };
  return Object.keys(cpu).length > 0 ? cpu : undefined;
}

function blockIoOf(limits: ResourceLimits, numbers: DeviceNumbers): OciBlockIo | undefined {
  const { blockWeight, blockWeights } = limits;
  const { blockReadBytes, blockWriteBytes, blockReadOperations, blockWriteOperations } = limits;
  const throttle = (
    list: ResourceLimits["blockReadBytes"],
  ): { major: number; minor: number; rate: number }[] =>
    list.map(({ path, rate }) => ({ ...numbers(path), rate: rateOf(rate) }));
  const io: OciBlockIo = {
    ...(blockWeight !== undefined && { weight: blockWeight }),
    ...(blockWeights.length > 0 && {
      weightDevice: blockWeights.map(({ path, weight }) => ({ ...numbers(path), weight })),
    }),
    ...(blockReadBytes.length > 0 && { throttleReadBpsDevice: throttle(blockReadBytes) }),
    ...(blockWriteBytes.length > 0 && { throttleWriteBpsDevice: throttle(blockWriteBytes) }),
    ...(blockReadOperations.length > 0 && { throttleReadIOPSDevice: throttle(blockReadOperations) }),
    ...(blockWriteOperations.length > 0 && { throttleWriteIOPSDevice: throttle(blockWriteOperations) }),
  };
  return Object.keys(io).length > 0 ? io : undefined;
}

/** Making any device node is allowed; opening only these: null, zero, full, random, urandom, tty, ptmx, pts. */
const ordinaryDevices: readonly OciDeviceCgroupRule[] = [
  { allow: false, access: "rwm" },
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  ...[3, 5, 7, 8, 9].map(
    (minor): OciDeviceCgroupRule => ({ allow: true, type: "c", major: 1, minor, access: "rwm" }),
  ),
  ...[0, 1, 2].map(
    (minor): OciDeviceCgroupRule => ({ allow: true, type: "c", major: 5, minor, access: "rwm" }),
  ),
  { allow: true, type: "c", major: 136, access: "rwm" },
];

/** A device that the container gets, and what it may do with it. */
export interface GrantedDevice {
  readonly device: OciDevice;
  readonly access: string;
}

function devicesOf(
  { security, deviceRules }: ContainerSpecification,
  granted: readonly GrantedDevice[],
): OciDeviceCgroupRule[] {
  if (security.privileged) return [{ allow: true, access: "rwm" }];
  return [
    ...ordinaryDevices,
    ...granted.map(
      ({ device, access }): OciDeviceCgroupRule => ({
        allow: true,
        type: device.type === "b" ? "b" : "c",
        ...(device.major !== undefined && { major: device.major }),
        ...(device.minor !== undefined && { minor: device.minor }),
        access,
      }),
    ),
    ...deviceRules.map(
      ({ allow, type, major, minor, access }): OciDeviceCgroupRule => ({
        allow,
        type,
        ...(major !== undefined && { major }),
        ...(minor !== undefined && { minor }),
        access,
      }),
    ),
  ];
}

/**
 * What a running container is told of limits of which `changes` are new: with each of them those that the kernel keeps in the
 * same files, as version 2 has memory and swap apart and quota and period in one.
 */
export function changedLimits(
  limits: ResourceLimits,
  changes: Partial<ResourceLimits> & { readonly noPids?: boolean },
): OciResources {
  const all = { ...limits, blockWeights: [], ...noThrottles };
  const isAny = (...keys: readonly (keyof ResourceLimits)[]): boolean =>
    keys.some((key) => changes[key] !== undefined);
  const memory = isAny("memoryBytes", "memoryReservationBytes", "memoryAndSwapBytes") && memoryOf(all);
  const times = isAny("nanoCpus", "cpuPeriodUs", "cpuQuotaUs", "cpuRealtimePeriodUs", "cpuRealtimeRuntimeUs");
  const cpu = (times || isAny("cpuShares", "cpus", "memoryNodes")) && cpuOf(all);
  const pids = changes.noPids === true ? -1 : changes.pids;
  return {
    ...(memory && { memory }),
    ...(cpu && { cpu }),
    ...(pids !== undefined && { pids: { limit: pids } }),
    ...(changes.blockWeight !== undefined && { blockIO: { weight: changes.blockWeight } }),
  };
}

const noThrottles = {
  blockReadBytes: [],
  blockWriteBytes: [],
  blockReadOperations: [],
  blockWriteOperations: [],
};

/** All limits. */
export function resourcesOf(
  specification: ContainerSpecification,
  granted: readonly GrantedDevice[],
  numbers: DeviceNumbers,
): OciResources {
  const { resources } = specification;
  const memory = memoryOf(resources);
  const cpu = cpuOf(resources);
  const blockIO = blockIoOf(resources, numbers);
  return {
    devices: devicesOf(specification, granted),
    ...(memory !== undefined && { memory }),
    ...(cpu !== undefined && { cpu }),
    ...(resources.pids !== undefined && { pids: { limit: resources.pids } }),
    ...(blockIO !== undefined && { blockIO }),
  };
}
