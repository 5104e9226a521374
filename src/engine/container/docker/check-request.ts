/**
 * What a create body must not say, before it is made a specification: options that contradict each other, words that
 * name nothing, fields that this engine does not do. Docker's words. Pure; the values are `checkSpecification`'s.
 */
import { connectFields, createFields, type FieldVerdict, fieldJudge } from "../../../docker/fields.ts";
import type { ContainerCreateBody } from "../../../docker/types/container.ts";
import type { ContainerConfig } from "../../../docker/types/container-config.ts";
import type { HostConfig, MountRequest } from "../../../docker/types/host-config.ts";
import type { EndpointSettings } from "../../../docker/types/networking.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { refuse, refuseNul } from "../specification/mod.ts";
import { timeAnnotation } from "./documents.ts";
import { validateMountOptions } from "./mount-spec.ts";
import { validateExposed } from "./ports.ts";

const judgeFields = fieldJudge(createFields);
const judgeConnectFields = fieldJudge(connectFields);

/** Checks a create body and returns warnings. */
export function checkRequest(body: ContainerCreateBody): string[] {
  const { HostConfig: host = {}, NetworkingConfig: _networking, ...config } = body;
  refuseNul(body);
  refuseConflicts(config, host);
  for (const mount of host.Mounts ?? []) checkTmpfs(mount);
  checkExtraHosts(host.ExtraHosts ?? []);
  checkModes(host);
  checkPolicy(host.RestartPolicy?.Name ?? "");
  const warnings = checkFields(body);
  for (const mount of host.Mounts ?? []) validateMountOptions(mount);
  validateExposed(Object.keys(config.ExposedPorts ?? {}));
  return [...warnings, ...discarded(host)];
}

function refuseConflicts(config: ContainerConfig, host: HostConfig): void {
  const name = config.Hostname ?? "";
  if (host.UTSMode === "host" && (name !== "" || (config.Domainname ?? "") !== "")) {
    refuse("conflict-uts", "conflicting options: hostname and the UTS mode");
  }
  const network = host.NetworkMode ?? "";
  const own = network.split(":", 1)[0] ?? "";
  if ((own === "host" || own === "container") && (host.Links ?? []).length > 0) {
    refuse(
      "conflict-links",
      `conflicting options: ${own} type ${own === "host" ? "networking" : "network"} can't be used with links. This would result in undefined behavior`,
    );
  }
  // Docker takes them there for nothing: who has no network reaches nobody.
  if (own === "none" && (host.Links ?? []).length > 0) {
    refuse("conflict-links", "conflicting options: a container in network none can't be used with links");
  }
  if (network.startsWith("container:")) {
    if (name !== "") refuse("conflict-hostname", "conflicting options: hostname and the network mode");
    if ((host.Dns ?? []).length > 0) refuse("conflict-dns", "conflicting options: dns and the network mode");
    if ((host.ExtraHosts ?? []).length > 0) {
      refuse("conflict-hosts", "conflicting options: custom host-to-IP mapping and the network mode");
    }
    if (Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts === true) {
      refuse("conflict-ports", "conflicting options: port publishing and the container type network mode");
    }
    if (Object.keys(config.ExposedPorts ?? {}).length > 0) {
      refuse("conflict-expose", "conflicting options: port exposing and the container type network mode");
    }
  }
}

const largestMode = 0o7777;

function checkTmpfs({ TmpfsOptions }: MountRequest): void {
  const { SizeBytes = 0, Mode = 0 } = TmpfsOptions ?? {};
  if (SizeBytes < 0)
    refuse("mount-config", `invalid mount config for type "tmpfs": size ${SizeBytes} is negative`);
  if (Mode < 0 || Mode > largestMode) {
    refuse("mount-config", `invalid mode of a tmpfs ${Mode}: wanted a whole number from 0 to ${largestMode}`);
  }
}

function checkExtraHosts(entries: readonly string[]): void {
  for (const entry of entries) {
    const split = entry.search(/[:=]/);
    if (split > 0 && split < entry.length - 1) continue;
    refuse("extra-host", `bad format for add-host: ${JSON.stringify(entry)}`);
  }
}

const timeOffset = /^(monotonic|boottime)=-?[0-9]{1,10}(,(monotonic|boottime)=-?[0-9]{1,10})?$/;

function checkModes(host: HostConfig): void {
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
}

export function checkPolicy(name: string): void {
  if (["", "no", "always", "unless-stopped", "on-failure", "on-unhealthy"].includes(name)) return;
  refuse(
    "restart-policy",
    `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
  );
}

/** What the table of fields says about fields that this engine does not do: refused, or said aloud. */
function checkFields(body: ContainerCreateBody): readonly string[] {
  const { refusal, warnings } = judgeFields(body);
  if (refusal !== undefined) throw refused(refusal);
  return warnings;
}

/** The same of a container that joins a network. */
export function checkConnection(settings: EndpointSettings | null | undefined): void {
  const { refusal } = judgeConnectFields({ EndpointConfig: settings });
  if (refusal !== undefined) throw refused(refusal);
}

function refused(refusal: FieldVerdict): TiffinError {
  const code = refusal.kind === "invalid" ? "container.field-refused" : "container.unsupported";
  return new TiffinError(refusal.kind, code, refusal.message);
}

/** Settings that another setting makes meaningless. */
function discarded(host: HostConfig): string[] {
  const publishes = Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts === true;
  return host.NetworkMode === "host" && publishes
    ? ["Published ports are discarded when using host network mode"]
    : [];
}
