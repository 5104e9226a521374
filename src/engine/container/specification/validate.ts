/**
 * Whether a container can be what a client asked for, before anything is made. Docker's words, because its clients
 * and their users know them; each message has a stable code of its own. Pure: the machine is an argument.
 */

import { createFields, fieldJudge } from "../../../docker/fields.ts";
import type { ContainerCreateBody } from "../../../docker/types/container.ts";
import type { ContainerConfig } from "../../../docker/types/container-config.ts";
import type { HostConfig } from "../../../docker/types/host-config.ts";
import { ulimitNames } from "../../../docker/ulimit-names.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { parseCpuList } from "../../../linux/cpu-list.ts";
import type { HostFacts } from "../../../linux/host-facts.ts";
import { validateCgroupParent } from "./cgroup-parent.ts";
import { timeAnnotation } from "./document.ts";
import { refuse } from "./refuse.ts";
import { validateNumbers } from "./validate-numbers.ts";
import { refuseNul, validateConfigWords, validateFileWords, validatePath } from "./validate-words.ts";

const mib = 1024 * 1024;
const smallestMemoryBytes = 6 * mib;

const judgeFields = fieldJudge(createFields);

/** Checks a create body and returns warnings. */
export function validateContainer(body: ContainerCreateBody, facts: HostFacts): string[] {
  const { HostConfig: host = {}, NetworkingConfig: _networking, ...config } = body;
  refuseNul(body);
  validateConfig(config);
  validateConfigWords(config);
  validateNames(config, host);
  const warnings = [...validateMemory(host, facts), ...validateCpu(host, facts)];
  validateNumbers(host, facts);
  validateOther(host);
  validateFileWords(host);
  validateCgroupParent(host.CgroupParent ?? "");
  validateModes(host);
  warnings.push(...validateRestart(host), ...validateFields(body), ...discarded(host));
  return warnings;
}

function validateConfig(config: ContainerConfig): void {
  for (const entry of config.Env ?? []) {
    if (entry === "" || entry.startsWith("=")) {
      refuse("environment", `invalid environment variable: ${entry}`);
    }
  }
  const directory = config.WorkingDir ?? "";
  if (directory !== "" && !directory.startsWith("/")) {
    refuse(
      "working-directory",
      `the working directory '${directory}' is invalid, it needs to be an absolute path`,
    );
  }
  if (config.StopTimeout !== undefined && config.StopTimeout < -1) {
    refuse("stop-timeout", `invalid stop timeout ${config.StopTimeout}: wanted seconds, or -1 for no limit`);
  }
}

const hostname = /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$/;
const longestHostname = 63;

function validateNames(config: ContainerConfig, host: HostConfig): void {
  const name = config.Hostname ?? "";
  if (name !== "" && (!hostname.test(name) || name.length > longestHostname)) {
    refuse("hostname", `invalid hostname format: ${name}`);
  }
  if (host.UTSMode === "host" && (name !== "" || (config.Domainname ?? "") !== "")) {
    refuse("conflict-uts", "conflicting options: hostname and the UTS mode");
  }
  const network = host.NetworkMode ?? "";
  if (network.startsWith("container:")) {
    if (name !== "") refuse("conflict-hostname", "conflicting options: hostname and the network mode");
    if ((host.Dns ?? []).length > 0) refuse("conflict-dns", "conflicting options: dns and the network mode");
    if ((host.ExtraHosts ?? []).length > 0) {
      refuse("conflict-hosts", "conflicting options: custom host-to-IP mapping and the network mode");
    }
    if (Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts === true) {
      refuse("conflict-ports", "conflicting options: port publishing and the container type network mode");
    }
  }
}

function validateMemory(host: HostConfig, facts: HostFacts): string[] {
  const warnings: string[] = [];
  const memory = host.Memory ?? 0;
  const swap = host.MemorySwap ?? 0;
  const reservation = host.MemoryReservation ?? 0;
  if (memory < 0 || (memory !== 0 && memory < smallestMemoryBytes)) {
    refuse("memory-minimum", "Minimum memory limit allowed is 6MB");
  }
  if (memory > 0 && swap !== -1 && swap !== 0 && swap < memory) {
    refuse("memory-swap", "Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (memory === 0 && swap > 0) {
    refuse("memory-swap", "You should always set the Memory limit when using Memoryswap limit, see usage");
  }
  if (memory > 0 && swap !== -1 && !facts.cgroup.swapAccounting) {
    warnings.push(
      "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.",
    );
  }
  const swappiness = host.MemorySwappiness ?? -1;
  if (swappiness < -1 || swappiness > 100) {
    refuse("swappiness", `invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  }
  if (reservation < 0 || (reservation > 0 && reservation < smallestMemoryBytes)) {
    refuse("memory-reservation", "Minimum memory reservation allowed is 6MB");
  }
  if (memory > 0 && reservation > 0 && memory < reservation) {
    refuse(
      "memory-reservation",
      "Minimum memory limit can not be less than memory reservation limit, see usage",
    );
  }
  if (host.OomKillDisable === true && memory === 0) {
    warnings.push(
      "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
    );
  }
  return warnings;
}

const smallestPeriod = 1000;
const largestPeriod = 1_000_000;

function validateCpu(host: HostConfig, facts: HostFacts): string[] {
  const nano = host.NanoCpus ?? 0;
  const period = host.CpuPeriod ?? 0;
  const quota = host.CpuQuota ?? 0;
  const { cpus } = facts.hardware;
  if (nano > 0 && period > 0) {
    refuse("cpu-conflict", "Conflicting options: Nano CPUs and CPU Period cannot both be set");
  }
  if (nano > 0 && quota > 0) {
    refuse("cpu-conflict", "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  }
  if (nano < 0 || nano > cpus * 1e9 || (nano > 0 && nano < 1e7)) {
    refuse("cpu-range", `range of CPUs is from 0.01 to ${cpus}.00, as there are only ${cpus} CPUs available`);
  }
  if (period !== 0 && (period < smallestPeriod || period > largestPeriod)) {
    refuse(
      "cpu-period",
      "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    );
  }
  if (quota > 0 && quota < smallestPeriod) {
    refuse("cpu-quota", "CPU cfs quota can not be less than 1ms (i.e. 1000)");
  }
  if ((host.CpuShares ?? 0) < 0) {
    refuse("cpu-shares", `invalid CPU shares (${host.CpuShares}): value must be a positive integer`);
  }
  validateCpuSet("cpus", host.CpusetCpus ?? "", cpus);
  validateCpuSet("mems", host.CpusetMems ?? "", undefined);
  return [];
}

function validateCpuSet(kind: "cpus" | "mems", text: string, count: number | undefined): void {
  if (text === "") return;
  const wanted = parseCpuList(text);
  // Blanks alone would leave the container without any.
  if (wanted === undefined || wanted.length === 0)
    refuse("cpuset", `Invalid value ${text} for cpuset ${kind}`);
  if (count !== undefined && wanted.some((cpu) => cpu >= count)) {
    refuse("cpuset", `Requested CPUs are not available - requested ${text}, available: 0-${count - 1}`);
  }
}

function validateOther(host: HostConfig): void {
  if ((host.ShmSize ?? 0) < 0) refuse("shm-size", "SHM size can not be less than 0");
  const adjust = host.OomScoreAdj ?? 0;
  if (adjust < -1000 || adjust > 1000) {
    refuse("oom-score-adj", `Invalid value ${adjust}, range for oom score adj is [-1000, 1000]`);
  }
  const weight = host.BlkioWeight ?? 0;
  if (weight !== 0 && (weight < 10 || weight > 1000)) {
    refuse("blkio-weight", "Range of blkio weight is from 10 to 1000");
  }
  for (const limit of host.Ulimits ?? []) {
    if (!ulimitNames.includes(limit.Name)) refuse("ulimit", `invalid ulimit type: ${limit.Name}`);
    if (limit.Soft < -1 || limit.Hard < -1) {
      refuse("ulimit", `invalid ulimit ${limit.Name}: limits are numbers from 0, or -1 for none`);
    }
    if (limit.Hard !== -1 && (limit.Soft === -1 || limit.Soft > limit.Hard)) {
      refuse(
        "ulimit",
        `ulimit soft limit must be less than or equal to hard limit: ${limit.Soft} > ${limit.Hard}`,
      );
    }
  }
  for (const path of [...(host.MaskedPaths ?? []), ...(host.ReadonlyPaths ?? [])]) {
    validatePath("system path", path);
    if (!path.startsWith("/")) refuse("system-path", `invalid system path ${path}: it needs to be absolute`);
  }
}

const timeOffset = /^(monotonic|boottime)=-?[0-9]{1,10}(,(monotonic|boottime)=-?[0-9]{1,10})?$/;

function validateModes(host: HostConfig): void {
  const offset = host.Annotations?.[timeAnnotation];
  if (offset !== undefined && !timeOffset.test(offset)) {
    refuse(
      "time-offset",
      `invalid annotation ${timeAnnotation}: found ${JSON.stringify(offset)}, wanted monotonic=SECONDS,boottime=SECONDS`,
    );
  }
  const check = (what: string, value: string, allowed: readonly string[]): void => {
    // A bare `container:` names nobody.
    const named = value.startsWith("container:") && value !== "container:";
    if (named ? allowed.includes("container:") : value !== "container:" && allowed.includes(value)) return;
    refuse("namespace-mode", `invalid ${what} mode: ${value}`);
  };
  check("PID", host.PidMode ?? "", ["", "host", "private", "container:"]);
  check("IPC", host.IpcMode ?? "", ["", "host", "private", "shareable", "none", "container:"]);
  check("UTS", host.UTSMode ?? "", ["", "host", "private"]);
  check("user namespace", host.UsernsMode ?? "", ["", "host", "private"]);
  check("cgroup namespace", host.CgroupnsMode ?? "", ["", "host", "private"]);
  if (host.Privileged === true && host.UsernsMode === "private") {
    refuse(
      "privileged-userns",
      "privileged mode is incompatible with user namespaces. You must run the container in the host namespace when running privileged mode",
    );
  }
  if (host.UsernsMode === "private" && (host.NetworkMode === "host" || host.PidMode === "host")) {
    refuse(
      "userns-host",
      "cannot share the host's network or PID namespaces when user namespaces are enabled",
    );
  }
}

function validateRestart(host: HostConfig): string[] {
  const name = host.RestartPolicy?.Name ?? "";
  const count = host.RestartPolicy?.MaximumRetryCount ?? 0;
  if (!["", "no", "always", "unless-stopped", "on-failure"].includes(name)) {
    refuse(
      "restart-policy",
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  if (count !== 0 && name !== "on-failure") {
    refuse(
      "restart-policy",
      "invalid restart policy: maximum retry count can only be used with 'on-failure'",
    );
  }
  if (count < 0) {
    refuse("restart-policy", "invalid restart policy: maximum retry count cannot be negative");
  }
  if (host.AutoRemove === true && name !== "" && name !== "no") {
    refuse("restart-policy", "can't create 'AutoRemove' container with restart policy");
  }
  return [];
}

/** What the table of fields says about fields that this engine does not do: refused, or said aloud. */
function validateFields(body: ContainerCreateBody): readonly string[] {
  const { refusal, warnings } = judgeFields(body);
  if (refusal === undefined) return warnings;
  const code = refusal.kind === "invalid" ? "container.field-refused" : "container.unsupported";
  throw new TiffinError(refusal.kind, code, refusal.message);
}

/** Settings that another setting makes meaningless. */
function discarded(host: HostConfig): string[] {
  const publishes = Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts === true;
  return host.NetworkMode === "host" && publishes
    ? ["Published ports are discarded when using host network mode"]
    : [];
}
