/** The deciding half of a start: what the container's files, devices and options mean, compiled into a plan. */
import { readFileSync } from "node:fs";
import { nonShareableIpc } from "../../../docker/messages.ts";
import { openFlags } from "../../../kernel/files.ts";
import { mountAttributesOf } from "../../../kernel/mount-attributes.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { hasController } from "../../../linux/host-facts.ts";
import type { ResolvedUser } from "../../../linux/passwd.ts";
import type { OciHooks, RuntimeSpec } from "../../../oci/mod.ts";
import {
  type ContainerOptions,
  compileForeign,
  type InjectedFile,
  layersSlotName,
  lowerSlotName,
  type Plan,
  planSignature,
  sizedSlotName,
} from "../../../plan/mod.ts";
import { cgroupParentOf } from "../../config.ts";
import { answersNames } from "../../network/mod.ts";
import { foreignPlace, runtimeProgram } from "../../runtimes.ts";
import { lookAtMounts, type OpenedBinds, openBinds, readyMounts } from "../mounts/mod.ts";
import { openOfProcess, ownCgroupParent } from "../process/mod.ts";
import { type Container, holdOf, type NetworkHold } from "../record/mod.ts";
import { type GrantedDevice, type ReadyMount, specOf } from "../runtime-spec/mod.ts";
import { grantedCapabilities } from "../security/mod.ts";
import type { ContainerSpecification, IpcNamespace } from "../specification/mod.ts";
import type { PendingStream } from "../streams/mod.ts";
import type { StartContext } from "./context.ts";
import { deviceEdits } from "./device-edits.ts";
import { hookOptions } from "./device-hooks.ts";
import { deviceNumbers, grantedDevices } from "./host-devices.ts";
import { type LinkedContainer, linkEnvironment, linkedContainers, linkLine } from "./links.ts";
import { addressesOf, namesOnlyLoopback, renderHosts, renderResolver } from "./network-files.ts";
import { type NetworkPlace, sharedContainer } from "./start-network.ts";

/** What a look at the container and the host has found. */
export interface StartFindings {
  readonly user: ResolvedUser;
  readonly mounts: readonly ReadyMount[];
  readonly devices: readonly GrantedDevice[];
  /** What devices want it to have besides. */
  readonly environment: readonly string[];
  readonly hooks: OciHooks;
  readonly capabilities: readonly string[];
  /** Nothing has been made for it, and nothing is to be: it will not be performed. */
  readonly onlyLooked: boolean;
}

export async function inspectStart(
  context: StartContext,
  container: Container,
  { onlyLook = false }: { readonly onlyLook?: boolean } = {},
): Promise<StartFindings> {
  const { image, specification } = container.document;
  const { process, security, devices, cdiDevices = [] } = specification;
  const edits = deviceEdits(cdiDevices);
  const granted = grantedDevices(devices, security.privileged);
  const places = new Set(granted.map(({ device }) => device.path));
  const further = grantedDevices(edits.devices, false).filter(({ device }) => !places.has(device.path));
  const user = context.users.resolve(process.user, process.groups, container.id, image.chain);
  const additionalGids = [...new Set([...user.additionalGids, ...edits.groups])];
  return {
    user: edits.groups.length === 0 ? user : { ...user, additionalGids },
    environment: edits.environment,
    hooks: edits.hooks,
    onlyLooked: onlyLook,
    devices: [...granted, ...further],
    capabilities: grantedCapabilities(security.capabilities, context.facts.identity.bounding),
    // The last: what it has taken is given back by the caller.
    mounts: [
      ...(onlyLook ? lookAtMounts(context, container) : await readyMounts(context, container)),
      ...edits.mounts,
    ],
  };
}

export interface CompiledStart {
  readonly plan: Plan;
  /** Opened binds by slot name; they belong to the caller. */
  readonly mounts: { readonly fds: readonly (readonly [string, OwnedFd])[] };
  readonly spec: RuntimeSpec;
  /** Where the mounts of the runtime specification go, in its order. */
  readonly mountTargets: readonly string[];
}

/** Whether two plans of one container do the same, whatever clients were attached. */
export function hashOfPlan(plan: Plan): bigint {
  return Bun.hash.wyhash(planSignature(plan));
}

/** Compiles the plan. `place.hold` decides the hosts file, `pending` become the first attach clients. */
export function compilePlan(
  context: StartContext,
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

function withEnvironment(
  specification: ContainerSpecification,
  further: readonly string[],
): ContainerSpecification {
  if (further.length === 0) return specification;
  const { process } = specification;
  return { ...specification, process: { ...process, environment: [...process.environment, ...further] } };
}

/** `held` gets what must stay open until the plan has been performed. */
function compileWith(
  context: StartContext,
  container: Container,
  found: StartFindings,
  place: NetworkPlace,
  pending: readonly PendingStream[],
  held: [string, OwnedFd][],
): CompiledStart {
  const { facts, paths } = context;
  const { image, firstHostId, specification } = container.document;
  const { process, log } = specification;
  const linked = linkedContainers(context, container);
  const size = process.terminal === null ? undefined : (container.size ?? process.terminal);
  const spec = specOf(
    {
      specification: withEnvironment(specification, found.environment),
      firstHostId,
      user: found.user,
      hostname: specification.hostname,
      mounts: found.mounts,
      devices: found.devices,
      deviceNumbers,
      capabilities: found.capabilities,
      joined: joinedNamespaces(context, specification, held),
      linked: [
        ...linked.flatMap((each) => linkEnvironment(container.name, each)),
        ...(container.secretEnvironment ?? []),
      ],
      size,
    },
    facts,
  );
  const donor = ipcDonor(context, specification);
  const binds = openBinds(context, spec.mounts ?? [], found.mounts, donor, found.onlyLooked);
  try {
    const { directory, upper, work } = context.layers.containerDirectory(container.id);
    const sized = context.layers.openSized(container.id);
    if (sized !== undefined) held.push([sizedSlotName, sized]);
    const lowers = context.layers.openLowers(image.chain);
    for (const [index, lower] of lowers.entries()) {
      if (lower.kind !== "image") continue;
      if (lower.attached === undefined) held.push([lowerSlotName(index), lower.mount]);
      else lower.mount[Symbol.dispose]();
    }
    const isAttached = lowers.some((lower) => lower.kind === "image" && lower.attached !== undefined);
    const namespace = isAttached ? context.layers.openNamespace() : undefined;
    if (namespace !== undefined) held.push([layersSlotName, namespace]);
    const options: ContainerOptions = {
      id: container.id,
      cgroupParent: (ownCgroupParent(context, container.id) ?? cgroupParentOf(context.config.tag)) || "/",
      rootfs: {
        kind: "overlay",
        lowers,
        ...(sized === undefined
          ? { upper, work }
          : { upper: "upper", work: "work", sized: { place: `${directory}/upper` } }),
        ...(firstHostId !== null && { idmap: true }),
        // Its files go with it; and it has never been mounted before, so no earlier marker is in the way.
        ...(specification.removeWhenEnded && container.state.status === "created" && { volatile: true }),
      },
      workMount: paths.containers,
      network: place.source,
      files: injectedFiles(context, container, place.hold, linked),
      stdio:
        size === undefined
          ? { kind: "pipes", stdin: process.stdin !== "closed" }
          : { kind: "terminal", ...size },
      supervise: {
        kind: "supervise",
        stdinOnce: process.stdin === "once",
        ...(log.kind === "files" && { logs: { fileBytes: log.fileBytes, files: log.files } }),
        record: true,
        oom: hasController(facts.cgroup, "memory"),
        attachClients: pending.map(({ flags }) => ({ flags })),
      },
      init: process.init,
      bindSources: binds.sources,
      createWorkdir: true,
    };
    const plan = compileFor(context, specification, found, spec, binds, options);
    const mountTargets = (spec.mounts ?? []).map(({ destination }) => destination);
    return { plan, spec, mounts: { fds: [...binds.fds, ...held] }, mountTargets };
  } catch (thrown) {
    for (const [, fd] of binds.fds) fd[Symbol.dispose]();
    throw thrown;
  }
}

/** For the engine's own executor, or for the runtime that the container asks for. */
function compileFor(
  context: StartContext,
  { runtime, security }: ContainerSpecification,
  { capabilities, hooks }: StartFindings,
  spec: RuntimeSpec,
  binds: OpenedBinds,
  options: ContainerOptions,
): Plan {
  const { facts, config, seccomp, plans } = context;
  const setting = [security.seccomp, capabilities, security.privileged] as const;
  if (runtime === undefined) {
    const filter = seccomp.filter(...setting);
    const confined = filter !== undefined && { seccompProgram: filter.program, seccompFlags: filter.flags };
    const own = hookOptions(hooks, spec, options.id, foreignPlace(config));
    return plans.compile(spec, { ...options, ...confined, ...own });
  }
  const { path, arguments: words } = runtimeProgram(config, runtime);
  const profile = seccomp.profile(...setting);
  const foreign = {
    program: path,
    arguments: words,
    place: foreignPlace(config),
    hooks,
    ...(profile !== undefined && { seccomp: profile }),
  };
  const bindSources = new Map(
    [...binds.sources].map(([index, source]) => {
      const fd = binds.fds.find(([name]) => name === `bind:${index}`)?.[1];
      const has = fd === undefined ? 0 : mountAttributesOf(`/proc/self/fd/${fd.raw}`);
      return [index, { ...source, has }] as const;
    }),
  );
  return compileForeign(spec, facts, { ...options, bindSources, foreign });
}

/**
 * Namespaces of other containers, by paths that lead through descriptors of this process: so they are those of the processes
 * that were looked at, whatever has their numbers by the time of the clone. The descriptors go into `held`.
 */
function joinedNamespaces(
  context: StartContext,
  { namespaces }: ContainerSpecification,
  held: [string, OwnedFd][],
): { readonly pid?: string; readonly ipc?: string } {
  const pathOf = (wanted: IpcNamespace, name: "pid" | "ipc"): string | undefined => {
    if (wanted.kind !== "container") return undefined;
    const namespace = openOfProcess(
      sharedContainer(context, wanted.container, name === "pid" ? "PID" : "IPC"),
      `ns/${name}`,
      openFlags.readOnly,
    );
    held.push([`held:${name}`, namespace]);
    return `/proc/${process.pid}/fd/${namespace.raw}`;
  };
  refuseUnshared(context, namespaces.ipc);
  const pid = pathOf(namespaces.pid, "pid");
  const ipc = pathOf(namespaces.ipc, "ipc");
  return { ...(pid !== undefined && { pid }), ...(ipc !== undefined && { ipc }) };
}

/** Only a container that was made to share its IPC namespace, or shares one itself, can be joined there. */
function refuseUnshared(context: StartContext, wanted: IpcNamespace): void {
  if (wanted.kind !== "container") return;
  const donor = sharedContainer(context, wanted.container, "IPC");
  const { kind } = donor.document.specification.namespaces.ipc;
  if (kind === "shareable" || kind === "host" || kind === "container") return;
  throw new TiffinError("conflict", "container.ipc-not-shareable", nonShareableIpc(donor.id), {
    exitCode: 125,
  });
}

/** The container whose IPC namespace and shared memory are shared. */
function ipcDonor(context: StartContext, { namespaces }: ContainerSpecification): Container | undefined {
  const { ipc } = namespaces;
  return ipc.kind === "container" ? sharedContainer(context, ipc.container, "IPC") : undefined;
}

const readableMode = 0o644;

/** The files of the network, unless the user mounts something there. */
function injectedFiles(
  context: StartContext,
  container: Container,
  hold: NetworkHold,
  linked: readonly LinkedContainer[],
): InjectedFile[] {
  const { network, hostname, domainname, hosts: extraHosts, mounts } = container.document.specification;
  const hostNetwork = network.kind === "host";
  const shared = network.kind === "container" ? sharedContainer(context, network.container).state : undefined;
  const { endpoints } = shared === undefined ? hold : holdOf(shared);
  const hosts = hostNetwork && extraHosts.length === 0 ? hostFile("/etc/hosts") : undefined;
  const files = [
    { path: "/etc/hostname", content: `${hostname}\n`, mode: readableMode },
    {
      path: "/etc/hosts",
      content:
        hosts ??
        renderHosts({
          addresses: endpoints.flatMap(addressesOf),
          hostname,
          domainname,
          extraHosts,
          links: linked.map(linkLine),
          gateway: endpoints.find(({ gateway }) => gateway !== "")?.gateway ?? context.networks.hostGateway,
        }),
      mode: readableMode,
    },
    {
      path: "/etc/resolv.conf",
      content: resolverText(context, container, endpoints),
      mode: readableMode,
    },
  ];
  return files.filter((file) => !mounts.some((mount) => mount.target === file.path));
}

/** The container's /etc/resolv.conf when it has these endpoints. */
export function resolverText(
  { networks }: Pick<StartContext, "networks">,
  { document }: Container,
  endpoints: NetworkHold["endpoints"],
): string {
  const { network, resolver } = document.specification;
  const hostNetwork = network.kind === "host";
  return renderResolver({
    host: hostResolver(hostNetwork),
    ...resolver,
    hostNetwork,
    nameServer: endpoints.some(({ network: id }) => answersNames(networks.byId(id))),
  });
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
