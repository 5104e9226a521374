/**
 * A container's document and what this start has found out become an OCI runtime specification. Pure: files, users,
 * devices and other containers' namespaces were looked up by the caller.
 */
import type { HostFacts } from "../../../linux/host-facts.ts";
import type { ResolvedUser } from "../../../linux/passwd.ts";
import type {
  LinuxSpec,
  OciCapabilities,
  OciNamespace,
  OciNamespaceType,
  OciProcess,
  OciRlimit,
  RuntimeSpec,
} from "../../../oci/mod.ts";
import {
  type ContainerSpecification,
  namespaceKinds,
  type ProcessSpecification,
} from "../specification/mod.ts";
import { mountsOf, type ReadyMount } from "./spec-mounts.ts";
import { type DeviceNumbers, type GrantedDevice, resourcesOf } from "./spec-resources.ts";

/** How many host ids a container's user namespace maps, from 0 in the container. */
export const mappedIds = 65_536;

export interface SpecInput {
  readonly specification: ContainerSpecification;
  /** First host id of its user namespace's range; null without one. */
  readonly firstHostId: number | null;
  readonly user: ResolvedUser;
  readonly hostname: string;
  readonly mounts: readonly ReadyMount[];
  readonly devices: readonly GrantedDevice[];
  readonly deviceNumbers: DeviceNumbers;
  readonly capabilities: readonly string[];
  /** Namespaces of other containers to join, by kind. */
  readonly joined: { readonly pid?: string; readonly ipc?: string; readonly network?: string };
  /** Variables that tell of linked containers. */
  readonly linked?: readonly string[];
  readonly size: { readonly rows: number; readonly columns: number } | undefined;
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What a program finds in its environment: the basics first, the image and the user have the last word. */
export function environmentOf(
  env: readonly string[],
  given: {
    readonly hostname: string;
    readonly home: string;
    readonly terminal: boolean;
    /** What links say. */
    readonly linked?: readonly string[];
  },
): string[] {
  const values = new Map<string, string>();
  const put = (entry: string): void => {
    const end = entry.indexOf("=");
    // A name without a value takes it away again.
    if (end < 0) values.delete(entry);
    else values.set(entry.slice(0, end), entry);
  };
  put(defaultPath);
  put(`HOSTNAME=${given.hostname}`);
  if (given.terminal) put("TERM=xterm");
  for (const entry of given.linked ?? []) put(entry);
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
  const { process, security } = input.specification;
  const terminal = process.terminal !== null;
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
    args: process.arguments,
    env: environmentOf(process.environment, {
      hostname: input.hostname,
      home: input.user.home,
      terminal,
      linked: input.linked ?? [],
    }),
    cwd: process.directory || "/",
    capabilities: capabilitySets(input.capabilities, input.user.uid),
    noNewPrivileges: security.noNewPrivileges,
    ...limitsOf(process),
  };
}

/** What bounds each process of the container, the first one and those of exec. */
export function limitsOf({
  limits,
  oomScoreAdjust,
}: ProcessSpecification): Pick<OciProcess, "rlimits" | "oomScoreAdj"> {
  const rlimits: OciRlimit[] = limits.map(({ name, soft, hard }) => ({
    type: `RLIMIT_${name.toUpperCase()}`,
    soft: limitOf(soft),
    hard: limitOf(hard),
  }));
  return {
    ...(rlimits.length > 0 && { rlimits }),
    ...(oomScoreAdjust !== 0 && { oomScoreAdj: oomScoreAdjust }),
  };
}

/** The namespaces that a container has apart from the host, joined ones by path. */
function namespacesOf({ specification, joined }: SpecInput): OciNamespace[] {
  const paths: Readonly<Partial<Record<OciNamespaceType, string>>> = joined;
  return namespaceKinds(specification).map((type) => {
    const path = paths[type];
    return path === undefined ? { type } : { type, path };
  });
}

function timeOffsets(
  seconds: NonNullable<ContainerSpecification["namespaces"]["time"]>,
): LinuxSpec["timeOffsets"] {
  const { monotonic, boottime } = seconds;
  return {
    ...(monotonic !== undefined && { monotonic: { secs: monotonic } }),
    ...(boottime !== undefined && { boottime: { secs: boottime } }),
  };
}

/** The specification. */
export function specOf(input: SpecInput, facts: HostFacts): RuntimeSpec {
  const { specification, firstHostId } = input;
  const { namespaces, security, annotations, domainname, sharedMemoryBytes } = specification;
  const mapping = firstHostId === null ? [] : [{ containerID: 0, hostID: firstHostId, size: mappedIds }];
  const ownUts = namespaces.uts === "private";
  const offsets =
    namespaces.time === null || !facts.features.timeNamespace ? undefined : timeOffsets(namespaces.time);
  return {
    ociVersion: "1.2.0",
    ...(ownUts && { hostname: input.hostname }),
    ...(ownUts && domainname !== "" && { domainname }),
    process: processOf(input),
    root: { path: "rootfs", readonly: security.rootReadOnly },
    mounts: mountsOf(
      {
        privileged: security.privileged,
        writableCgroups: security.writableCgroups ?? false,
        ipc: namespaces.ipc,
        sharedMemoryBytes,
      },
      input.mounts,
    ),
    ...(Object.keys(annotations).length > 0 && { annotations }),
    linux: {
      namespaces: namespacesOf(input),
      ...(firstHostId !== null && { uidMappings: mapping, gidMappings: mapping }),
      ...(offsets !== undefined && { timeOffsets: offsets }),
      devices: input.devices.map(({ device }) => device),
      resources: resourcesOf(specification, input.devices, input.deviceNumbers),
      ...(Object.keys(security.sysctls).length > 0 && { sysctl: security.sysctls }),
      maskedPaths: security.maskedPaths,
      readonlyPaths: security.readonlyPaths,
    },
  };
}
