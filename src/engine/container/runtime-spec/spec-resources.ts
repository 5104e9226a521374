/** Docker's limits as the OCI's `linux.resources`. Pure. */
import type { HostConfig } from "../../../docker/types/host-config.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type {
  OciBlockIo,
  OciCpu,
  OciDevice,
  OciDeviceCgroupRule,
  OciMemory,
  OciResources,
} from "../../../oci/mod.ts";

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

function memoryOf(host: HostConfig): OciMemory | undefined {
  const memory: OciMemory = {
    ...(host.Memory !== undefined && host.Memory > 0 && { limit: bytesOf(host.Memory) }),
    ...(host.MemoryReservation !== undefined &&
      host.MemoryReservation > 0 && { reservation: bytesOf(host.MemoryReservation) }),
    ...(host.MemorySwap !== undefined && host.MemorySwap !== 0 && { swap: bytesOf(host.MemorySwap) }),
    ...(host.MemorySwappiness !== undefined &&
      host.MemorySwappiness >= 0 && { swappiness: host.MemorySwappiness }),
    ...(host.OomKillDisable === true && { disableOOMKiller: true }),
  };
  return Object.keys(memory).length > 0 ? memory : undefined;
}

function cpuOf(host: HostConfig): OciCpu | undefined {
  const nano = host.NanoCpus ?? 0;
  const cpu: OciCpu = {
    ...(host.CpuShares !== undefined && host.CpuShares > 0 && { shares: host.CpuShares }),
    ...(nano > 0 && { period, quota: Math.round((nano * period) / nanoPerCpu) }),
    ...(host.CpuPeriod !== undefined && host.CpuPeriod > 0 && { period: host.CpuPeriod }),
    ...(host.CpuQuota !== undefined && host.CpuQuota !== 0 && { quota: host.CpuQuota }),
    ...(host.CpuRealtimePeriod !== undefined &&
      host.CpuRealtimePeriod > 0 && { realtimePeriod: host.CpuRealtimePeriod }),
    ...(host.CpuRealtimeRuntime !== undefined &&
      host.CpuRealtimeRuntime > 0 && { realtimeRuntime: host.CpuRealtimeRuntime }),
    ...(host.CpusetCpus !== undefined && host.CpusetCpus !== "" && { cpus: host.CpusetCpus }),
    ...(host.CpusetMems !== undefined && host.CpusetMems !== "" && { mems: host.CpusetMems }),
  };
  return Object.keys(cpu).length > 0 ? cpu : undefined;
}

function blockIoOf(host: HostConfig, numbers: DeviceNumbers): OciBlockIo | undefined {
  const throttle = (
    list: HostConfig["BlkioDeviceReadBps"],
  ): { major: number; minor: number; rate: number }[] =>
    (list ?? []).map((entry) => ({ ...numbers(entry.Path), rate: rateOf(entry.Rate) }));
  const io: OciBlockIo = {
    ...(host.BlkioWeight !== undefined && host.BlkioWeight > 0 && { weight: host.BlkioWeight }),
    ...((host.BlkioWeightDevice ?? []).length > 0 && {
      weightDevice: (host.BlkioWeightDevice ?? []).map((entry) => ({
        ...numbers(entry.Path),
        weight: entry.Weight,
      })),
    }),
    ...((host.BlkioDeviceReadBps ?? []).length > 0 && {
      throttleReadBpsDevice: throttle(host.BlkioDeviceReadBps),
    }),
    ...((host.BlkioDeviceWriteBps ?? []).length > 0 && {
      throttleWriteBpsDevice: throttle(host.BlkioDeviceWriteBps),
    }),
    ...((host.BlkioDeviceReadIOps ?? []).length > 0 && {
      throttleReadIOPSDevice: throttle(host.BlkioDeviceReadIOps),
    }),
    ...((host.BlkioDeviceWriteIOps ?? []).length > 0 && {
      throttleWriteIOPSDevice: throttle(host.BlkioDeviceWriteIOps),
    }),
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

/** One `--device-cgroup-rule`: `c 42:* rmw`. */
export function decodeDeviceRule(text: string): OciDeviceCgroupRule {
  const match = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/.exec(text);
  if (match === null) {
    throw new TiffinError("invalid", "container.device-rule", `invalid device cgroup rule format: '${text}'`);
  }
  const [, type, major, minor, access] = match;
  return {
    allow: true,
    type: type === "a" || type === "b" ? type : "c",
    ...(major !== "*" && { major: Number(major) }),
    ...(minor !== "*" && { minor: Number(minor) }),
    ...(access !== undefined && { access }),
  };
}

/** A device that the container gets, and what it may do with it. */
export interface GrantedDevice {
  readonly device: OciDevice;
  readonly access: string;
}

function devicesOf(host: HostConfig, granted: readonly GrantedDevice[]): OciDeviceCgroupRule[] {
  if (host.Privileged === true) return [{ allow: true, access: "rwm" }];
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
    ...(host.DeviceCgroupRules ?? []).map(decodeDeviceRule),
  ];
}

/** All limits. */
export function resourcesOf(
  host: HostConfig,
  granted: readonly GrantedDevice[],
  numbers: DeviceNumbers,
): OciResources {
  const memory = memoryOf(host);
  const cpu = cpuOf(host);
  const blockIO = blockIoOf(host, numbers);
  const pids = host.PidsLimit ?? 0;
  return {
    devices: devicesOf(host, granted),
    ...(memory !== undefined && { memory }),
    ...(cpu !== undefined && { cpu }),
    ...(pids > 0 && { pids: { limit: pids } }),
    ...(blockIO !== undefined && { blockIO }),
  };
}
