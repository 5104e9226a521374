/** The deciding half of a start: what the container's files, devices and options mean, compiled into a plan. */
import { readFileSync } from "node:fs";
import { nonShareableIpc } from "../../../docker/messages.ts";
import { openFlags } from "../../../kernel/files.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { capabilityNames } from "../../../linux/capabilities.ts";
import { hasController } from "../../../linux/host-facts.ts";
import type { ResolvedUser } from "../../../linux/passwd.ts";
import { compileContainer, type InjectedFile, lowerSlotName, type Plan } from "../../../plan/mod.ts";
import { cgroupParentOf } from "../../config.ts";
import type { ContainerContext } from "../context.ts";
import { openBinds, readyMounts } from "../mounts/mod.ts";
import { openOfProcess, ownCgroupParent } from "../process/mod.ts";
import { type Container, type EndpointRecord, isAlive } from "../record/mod.ts";
import { type GrantedDevice, type ReadyMount, specOf } from "../runtime-spec/mod.ts";
import { decideCapabilities, decodeSecurityOptions } from "../security/mod.ts";
import { decodeLogLimits } from "../specification/mod.ts";
import type { PendingStream } from "../streams/mod.ts";
import { deviceNumbers, grantedDevices } from "./host-devices.ts";
import { namesOnlyLoopback, renderHosts, renderResolver } from "./network-files.ts";
import { type NetworkPlace, sharedContainer } from "./start-network.ts";

/** What a look at the container and the host has found. */
export interface StartFindings {
  readonly user: ResolvedUser;
  readonly mounts: readonly ReadyMount[];
  readonly devices: readonly GrantedDevice[];
  readonly capabilities: readonly string[];
}

export async function inspectStart(context: ContainerContext, container: Container): Promise<StartFindings> {
  const { config, host, image } = container.document;
  const privileged = host.Privileged ?? false;
  return {
    user: context.users.resolve(config.User, host.GroupAdd ?? [], container.id, image.chain),
    mounts: await readyMounts(context, container),
    devices: grantedDevices(host.Devices ?? [], privileged),
    capabilities: decideCapabilities(
      { privileged, add: host.CapAdd ?? [], drop: host.CapDrop ?? [] },
      capabilityNames,
      context.facts.identity.bounding,
    ),
  };
}

export interface CompiledStart {
  readonly plan: Plan;
  /** Opened binds by slot name; they belong to the caller. */
  readonly mounts: { readonly fds: readonly (readonly [string, OwnedFd])[] };
}

const defaultRows = 24;
const defaultColumns = 80;

/** Compiles the plan. `place.endpoint` decides the hosts file, `pending` become the first attach clients. */
export function compilePlan(
  context: ContainerContext,
  container: Container,
  found: StartFindings,
  place: NetworkPlace,
  pending: readonly PendingStream[],
): CompiledStart {
  const held: [string, OwnedFd][] = [];
  try {
    return compileWith(context, container, found, place, pending, held);
  } catch (thrown) {
    for (const [, fd] of held) fd[Symbol.dispose]();
    throw thrown;
  }
}

/** `held` gets what must stay open until the plan has been performed. */
function compileWith(
  context: ContainerContext,
  container: Container,
  found: StartFindings,
  place: NetworkPlace,
  pending: readonly PendingStream[],
  held: [string, OwnedFd][],
): CompiledStart {
  const { facts, paths } = context;
  const { config, host, image, firstHostId } = container.document;
  const security = decodeSecurityOptions(host.SecurityOpt ?? []);
  const terminal = config.Tty ?? false;
  const [height = 0, width = 0] = host.ConsoleSize ?? [];
  const size = container.size ?? { rows: height || defaultRows, columns: width || defaultColumns };
  const spec = specOf(
    {
      container,
      user: found.user,
      hostname: config.Hostname,
      mounts: found.mounts,
      devices: found.devices,
      deviceNumbers,
      capabilities: found.capabilities,
      noNewPrivileges: security.noNewPrivileges,
      joined: joinedNamespaces(context, host, held),
      size: terminal ? size : undefined,
    },
    facts,
  );
  const binds = openBinds(spec.mounts ?? [], ipcDonor(context, host));
  try {
    const { upper, work } = context.layers.containerDirectory(container.id);
    const lowers = context.layers.openLowers(image.chain);
    for (const [index, lower] of lowers.entries()) {
      if (lower.kind === "image") held.push([lowerSlotName(index), lower.mount]);
    }
    const filter = context.seccomp.filter(security.seccomp, found.capabilities, host.Privileged ?? false);
    const logs = decodeLogLimits(host.LogConfig);
    const plan = compileContainer(spec, facts, {
      id: container.id,
      cgroupParent: (ownCgroupParent(context, container.id) ?? cgroupParentOf(context.config.tag)) || "/",
      rootfs: {
        kind: "overlay",
        lowers,
        upper,
        work,
        ...(firstHostId !== null && { idmap: true }),
        // Its files go with it; and it has never been mounted before, so no earlier marker is in the way.
        ...(host.AutoRemove && container.state.status === "created" && { volatile: true }),
      },
      workMount: paths.containers,
      network: place.source,
      files: injectedFiles(context, container, place.endpoint),
      stdio: terminal ? { kind: "terminal", ...size } : { kind: "pipes", stdin: config.OpenStdin ?? false },
      supervise: {
        kind: "supervise",
        stdinOnce: config.StdinOnce ?? false,
        ...(logs !== undefined && { logs }),
        record: true,
        oom: hasController(facts.cgroup, "memory"),
        attachClients: pending.map(({ flags }) => ({ flags })),
      },
      ...(filter !== undefined && { seccompProgram: filter.program, seccompFlags: filter.flags }),
      init: host.Init ?? false,
      bindSources: binds.sources,
      createWorkdir: true,
    });
    return { plan, mounts: { fds: [...binds.fds, ...held] } };
  } catch (thrown) {
    for (const [, fd] of binds.fds) fd[Symbol.dispose]();
    throw thrown;
  }
}

/**
 * Namespaces of other containers, by paths that lead through descriptors of this process: so they are those of the processes
 * that were looked at, whatever has their numbers by the time of the clone. The descriptors go into `held`.
 */
function joinedNamespaces(
  context: ContainerContext,
  host: Container["document"]["host"],
  held: [string, OwnedFd][],
): { readonly pid?: string; readonly ipc?: string } {
  const pathOf = (mode: string | undefined, name: string): string | undefined => {
    if (mode?.startsWith("container:") !== true) return undefined;
    const namespace = openOfProcess(sharedContainer(context, mode), `ns/${name}`, openFlags.readOnly);
    held.push([`held:${name}`, namespace]);
    return `/proc/${process.pid}/fd/${namespace.raw}`;
  };
  refuseUnshared(context, host.IpcMode);
  const pid = pathOf(host.PidMode, "pid");
  const ipc = pathOf(host.IpcMode, "ipc");
  return { ...(pid !== undefined && { pid }), ...(ipc !== undefined && { ipc }) };
}

/** Only a container that was made to share its IPC namespace, or shares one itself, can be joined there. */
function refuseUnshared(context: ContainerContext, mode: string): void {
  if (!mode.startsWith("container:")) return;
  const donor = sharedContainer(context, mode);
  const { IpcMode } = donor.document.host;
  if (IpcMode === "shareable" || IpcMode === "host" || IpcMode.startsWith("container:")) return;
  throw new TiffinError("conflict", "container.ipc-not-shareable", nonShareableIpc(donor.id), {
    exitCode: 125,
  });
}

/** The container whose IPC namespace and shared memory are shared. */
function ipcDonor(context: ContainerContext, host: Container["document"]["host"]): Container | undefined {
  return host.IpcMode.startsWith("container:") ? sharedContainer(context, host.IpcMode) : undefined;
}

const readableMode = 0o644;

/** The files of the network, unless the user mounts something there. */
function injectedFiles(
  context: ContainerContext,
  container: Container,
  endpoint: EndpointRecord | null,
): InjectedFile[] {
  const { config, host, mounts } = container.document;
  const hostNetwork = host.NetworkMode === "host";
  const shared = host.NetworkMode.startsWith("container:")
    ? sharedContainer(context, host.NetworkMode).state
    : undefined;
  const place = shared !== undefined && isAlive(shared) ? shared.endpoint : endpoint;
  const hosts = hostNetwork && (host.ExtraHosts ?? []).length === 0 ? hostFile("/etc/hosts") : undefined;
  const files = [
    { path: "/etc/hostname", content: `${config.Hostname}\n`, mode: readableMode },
    {
      path: "/etc/hosts",
      content:
        hosts ??
        renderHosts({
          address: place?.address ?? "",
          hostname: config.Hostname,
          domainname: config.Domainname ?? "",
          extraHosts: host.ExtraHosts ?? [],
          gateway: place?.gateway || context.network.gateway,
        }),
      mode: readableMode,
    },
    {
      path: "/etc/resolv.conf",
      content: renderResolver({
        host: hostResolver(hostNetwork),
        servers: host.Dns ?? [],
        search: host.DnsSearch ?? [],
        options: host.DnsOptions ?? [],
        hostNetwork,
      }),
      mode: readableMode,
    },
  ];
  return files.filter((file) => !mounts.some((mount) => mount.target === file.path));
}

/** systemd-resolved's list of real servers, for when /etc/resolv.conf only names its local stub. */
const realResolver = "/run/systemd/resolve/resolv.conf";

function hostResolver(hostNetwork: boolean): string {
  const text = hostFile("/etc/resolv.conf") ?? "";
  if (hostNetwork || !namesOnlyLoopback(text)) return text;
  return hostFile(realResolver) ?? text;
}

function hostFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
