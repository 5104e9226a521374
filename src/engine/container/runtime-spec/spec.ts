/**
 * A container's document and what this start has found out become an OCI runtime specification. Pure: files, users,
 * devices and other containers' namespaces were looked up by the caller.
 */
import type { HostFacts } from "../../../linux/host-facts.ts";
import type { ResolvedUser } from "../../../linux/passwd.ts";
import type { OciCapabilities, OciNamespace, OciProcess, OciRlimit, RuntimeSpec } from "../../../oci/mod.ts";
import type { Container } from "../record/mod.ts";
import {
  type ContainerDocument,
  commandOf,
  type MergedHostConfig,
  timeAnnotation,
} from "../specification/mod.ts";
import { mountsOf, type ReadyMount } from "./spec-mounts.ts";
import { type DeviceNumbers, type GrantedDevice, resourcesOf } from "./spec-resources.ts";

/** How many host ids a container's user namespace maps, from 0 in the container. */
export const mappedIds = 65_536;

export interface SpecInput {
  readonly container: Container;
  readonly user: ResolvedUser;
  readonly hostname: string;
  readonly mounts: readonly ReadyMount[];
  readonly devices: readonly GrantedDevice[];
  readonly deviceNumbers: DeviceNumbers;
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  /** Namespaces of other containers to join, by kind. */
  readonly joined: { readonly pid?: string; readonly ipc?: string; readonly network?: string };
  readonly size: { readonly rows: number; readonly columns: number } | undefined;
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What a program finds in its environment: the basics first, the image and the user have the last word. */
export function environmentOf(
  env: readonly string[],
  given: { readonly hostname: string; readonly home: string; readonly terminal: boolean },
): string[] {
  const values = new Map<string, string>();
  const put = (entry: string): void => {
    const key = entry.split("=", 1)[0] ?? "";
    // A name without a value takes it away again.
    if (key === entry) values.delete(key);
    else values.set(key, entry);
  };
  put(defaultPath);
  put(`HOSTNAME=${given.hostname}`);
  if (given.terminal) put("TERM=xterm");
  for (const entry of env) put(entry);
  if (!values.has("HOME")) put(`HOME=${given.home}`);
  return [...values.values()];
}

/** The sets for a user: only root keeps them across execve, so only root is given more than the bounding set. */
export function capabilitySets(names: readonly string[], uid: number): OciCapabilities {
  const own = uid === 0 ? [...names] : [];
  return { bounding: [...names], effective: own, permitted: own, inheritable: [], ambient: [] };
}

/** -1 is no limit, and so is what no program reaches. */
function limitOf(value: number | bigint): number | "unlimited" {
  return typeof value === "bigint" || value === -1 ? "unlimited" : value;
}

function processOf(input: SpecInput): OciProcess {
  const { config, host } = input.container.document;
  const terminal = config.Tty ?? false;
  return {
    terminal,
    ...(input.size !== undefined && {
      consoleSize: { height: input.size.rows, width: input.size.columns },
    }),
    user: {
      uid: input.user.uid,
      gid: input.user.gid,
      additionalGids: input.user.additionalGids,
    },
    args: commandOf(config),
    env: environmentOf(config.Env, { hostname: input.hostname, home: input.user.home, terminal }),
    cwd: config.WorkingDir || "/",
    capabilities: capabilitySets(input.capabilities, input.user.uid),
    noNewPrivileges: input.noNewPrivileges,
    ...limitsOf(host),
  };
}

/** What bounds each process of the container, the first one and those of exec. */
export function limitsOf(host: MergedHostConfig): Pick<OciProcess, "rlimits" | "oomScoreAdj"> {
  const rlimits: OciRlimit[] = (host.Ulimits ?? []).map((limit) => ({
    type: `RLIMIT_${limit.Name.toUpperCase()}`,
    soft: limitOf(limit.Soft),
    hard: limitOf(limit.Hard),
  }));
  return {
    ...(rlimits.length > 0 && { rlimits }),
    ...(host.OomScoreAdj !== undefined && host.OomScoreAdj !== 0 && { oomScoreAdj: host.OomScoreAdj }),
  };
}

/** The namespaces that a container has apart from the host, joined ones by path. */
export function namespacesOf(document: ContainerDocument, joined: SpecInput["joined"] = {}): OciNamespace[] {
  const { host, firstHostId } = document;
  const namespaces: OciNamespace[] = [{ type: "mount" }];
  if (host.NetworkMode !== "host") {
    namespaces.push(
      joined.network === undefined ? { type: "network" } : { type: "network", path: joined.network },
    );
  }
  if (host.PidMode !== "host") {
    namespaces.push(joined.pid === undefined ? { type: "pid" } : { type: "pid", path: joined.pid });
  }
  if (host.IpcMode !== "host") {
    namespaces.push(joined.ipc === undefined ? { type: "ipc" } : { type: "ipc", path: joined.ipc });
  }
  if (host.UTSMode !== "host") namespaces.push({ type: "uts" });
  if (host.CgroupnsMode !== "host") namespaces.push({ type: "cgroup" });
  if (firstHostId !== null) namespaces.push({ type: "user" });
  if (host.Annotations?.[timeAnnotation] !== undefined) namespaces.push({ type: "time" });
  return namespaces;
}

function timeOffsets(text: string): { monotonic?: { secs: number }; boottime?: { secs: number } } {
  const seconds = (clock: string): number | undefined => {
    const match = new RegExp(`(?:^|,)${clock}=(-?[0-9]{1,10})(?:,|$)`).exec(text);
    return match === null ? undefined : Number(match[1]);
  };
  const monotonic = seconds("monotonic");
  const boottime = seconds("boottime");
  return {
    ...(monotonic !== undefined && { monotonic: { secs: monotonic } }),
    ...(boottime !== undefined && { boottime: { secs: boottime } }),
  };
}

/** The specification. */
export function specOf(input: SpecInput, facts: HostFacts): RuntimeSpec {
  const { config, host, firstHostId } = input.container.document;
  const mapping = firstHostId === null ? [] : [{ containerID: 0, hostID: firstHostId, size: mappedIds }];
  const offsets = host.Annotations?.[timeAnnotation];
  const ownUts = host.UTSMode !== "host";
  return {
    ociVersion: "1.2.0",
    ...(ownUts && { hostname: input.hostname }),
    ...(ownUts && config.Domainname && { domainname: config.Domainname }),
    process: processOf(input),
    root: { path: "rootfs", readonly: host.ReadonlyRootfs ?? false },
    mounts: mountsOf(host, input.mounts),
    ...(host.Annotations !== undefined && { annotations: host.Annotations }),
    linux: {
      namespaces: namespacesOf(input.container.document, input.joined),
      ...(firstHostId !== null && { uidMappings: mapping, gidMappings: mapping }),
      ...(offsets !== undefined && facts.features.timeNamespace && { timeOffsets: timeOffsets(offsets) }),
      devices: input.devices.map(({ device }) => device),
      resources: resourcesOf(host, input.devices, input.deviceNumbers),
      ...(host.Sysctls !== undefined && { sysctl: host.Sysctls }),
      maskedPaths: host.MaskedPaths,
      readonlyPaths: host.ReadonlyPaths,
    },
  };
}
