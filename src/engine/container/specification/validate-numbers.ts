/** Limits that the kernel would refuse at the start: told at creation, with the range that it takes. Pure. */
import type { HostConfig } from "../../../docker/types/host-config.ts";
import type { HostFacts } from "../../../linux/host-facts.ts";
import { refuse } from "./refuse.ts";
import { validatePath } from "./validate-words.ts";

/** The kernel's largest CFS quota: 2^44 - 1 microseconds. */
const largestQuota = 2 ** 44 - 1;
/** The kernel's largest share of a CPU in v1; more is taken and means this. */
const largestShares = 262_144;
/** PID_MAX_LIMIT; pids.max takes one more as "no limit". */
const largestPids = 4 * 1024 * 1024;
/** What the kernel keeps for real-time periods: 32 bits of microseconds. */
const largestRealtime = 2 ** 31 - 1;
const largestRate = 2n ** 63n - 1n;
const largestMode = 0o7777;

function within(code: string, name: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  refuse(code, `invalid ${name} ${value}: wanted a whole number from ${least} to ${most}`);
}

export function validateNumbers(host: HostConfig, facts: HostFacts): void {
  const quota = host.CpuQuota ?? 0;
  if (quota > largestQuota) {
    refuse("cpu-quota", `CPU cfs quota can not be more than ${largestQuota} microseconds, found ${quota}`);
  }
  if ((host.CpuShares ?? 0) > largestShares && facts.cgroup.mode === "v2") {
    refuse("cpu-shares", `invalid CPU shares (${host.CpuShares}): the maximum allowed is ${largestShares}`);
  }
  const pids = host.PidsLimit ?? 0;
  if (pids > largestPids) {
    refuse(
      "pids-limit",
      `invalid pids limit ${pids}: the kernel takes at most ${largestPids}; -1 is no limit`,
    );
  }
  const period = host.CpuRealtimePeriod ?? 0;
  const runtime = host.CpuRealtimeRuntime ?? 0;
  within("cpu-realtime", "CPU real-time period", period, 0, largestRealtime);
  within("cpu-realtime", "CPU real-time runtime", runtime, 0, largestRealtime);
  if (period > 0 && runtime > period) {
    refuse("cpu-realtime", "cpu real-time runtime cannot be higher than cpu real-time period");
  }
  validateDevices(host);
  for (const mount of host.Mounts ?? []) {
    const { SizeBytes = 0, Mode = 0 } = mount.TmpfsOptions ?? {};
    if (SizeBytes < 0)
      refuse("mount-config", `invalid mount config for type "tmpfs": size ${SizeBytes} is negative`);
    within("mount-config", "mode of a tmpfs", Mode, 0, largestMode);
  }
}

function validateDevices(host: HostConfig): void {
  for (const { PathOnHost, PathInContainer, CgroupPermissions } of host.Devices ?? []) {
    if (PathOnHost === "") refuse("device-path", "invalid device: its path on the host is empty");
    validatePath("device", PathOnHost);
    validatePath("device in the container", PathInContainer ?? "");
    if (!/^[rwm]{0,3}$/.test(CgroupPermissions ?? "")) {
      refuse("device-access", `invalid device permissions: ${CgroupPermissions}`);
    }
  }
  for (const { Path, Weight } of host.BlkioWeightDevice ?? []) {
    validatePath("block device", Path);
    if (Weight !== 0 && (Weight < 10 || Weight > 1000)) {
      refuse("blkio-weight", `Range of blkio weight is from 10 to 1000, found ${Weight} for ${Path}`);
    }
  }
  const rates = [
    ...(host.BlkioDeviceReadBps ?? []),
    ...(host.BlkioDeviceWriteBps ?? []),
    ...(host.BlkioDeviceReadIOps ?? []),
    ...(host.BlkioDeviceWriteIOps ?? []),
  ];
  for (const { Path, Rate } of rates) {
    validatePath("block device", Path);
    if (Rate < 0 || BigInt(Rate) > largestRate)
      refuse("blkio-rate", `invalid rate ${Rate} for device ${Path}`);
  }
}
