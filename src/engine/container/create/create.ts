/** Creation: everything about a container is decided and written down; nothing of it runs yet. */
import { lchownSync } from "node:fs";
import type { ContainerCreateBody } from "../../../docker/types/container.ts";
import { nowMs } from "../../../lib/clock.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { newId, randomHex } from "../../../lib/ids.ts";
import { UndoStack } from "../../../lib/undo-stack.ts";
import { capabilityNames } from "../../../linux/capabilities.ts";
import { parseSignal } from "../../../linux/signals.ts";
import { checkSysctl } from "../../../plan/mod.ts";
import type { Image } from "../../image/mod.ts";
import { tellingOfNoRoom } from "../../store/mod.ts";
import type { ContainerContext } from "../context.ts";
import { refuseMissingSource } from "../mounts/mod.ts";
import { type Container, decodeContainerName, makeUpName, writeRowFileDurably } from "../record/mod.ts";
import { decodeDeviceRule, mappedIds, namespacesOf } from "../runtime-spec/mod.ts";
import { decideCapabilities, decodeSecurityOptions } from "../security/mod.ts";
import {
  type ContainerDocument,
  checkLogConfig,
  collectMounts,
  decodePorts,
  type MountSpec,
  mergeConfig,
  mergeHostConfig,
  validateContainer,
  validateExposed,
  validateMountOptions,
  validateMountPlace,
  wantedEndpoint,
} from "../specification/mod.ts";

export interface CreateOptions {
  readonly name?: string | undefined;
  readonly platform?: string | undefined;
  readonly body: ContainerCreateBody;
  /** Take it away when it has ended, whatever `HostConfig.AutoRemove` says. */
  readonly remove?: boolean;
}

export interface Created {
  readonly container: Container;
  readonly warnings: readonly string[];
  /** Resolves when a power cut cannot take the container back; it may be started before. */
  readonly kept: Promise<void>;
}

/** Random number from 0 to `below` - 1, for names. */
function randomBelow(below: number): number {
  return Number.parseInt(randomHex(8), 16) % below;
}

/**
 * Makes a container. Errors: `notFound` for the image and for nothing else, because clients take it to mean that the
 * image has to be pulled; `conflict` for the name, `invalid` for everything that validation finds. Nothing stays behind on failure.
 */
export async function createContainer(context: ContainerContext, options: CreateOptions): Promise<Created> {
  const { registry } = context;
  const image = context.images.resolve(options.body.Image ?? "");
  refusePlatform(options.platform ?? "", image);
  const id = newId();
  const name =
    options.name === undefined || options.name === ""
      ? makeUpName((taken) => registry.nameIsTaken(taken), randomBelow)
      : decodeContainerName(options.name);
  using _reservation = registry.reserve(name, id);
  const { document, warnings } = decideDocument(context, options, image, id);
  const undo = new UndoStack();
  try {
    undo.push("container directory", () => context.layers.remove(id));
    const directory = context.layers.prepare(id, document.image.chain);
    const { firstHostId } = document;
    // The container's root directory belongs to its own root.
    if (firstHostId !== null) lchownSync(directory.upper, firstHostId, firstHostId);
    context.fail("create.directory");
    const container = registry.add(id, name, nowMs(), document);
    undo.push("container row", () => registry.drop(container));
    context.fail("create.row");
    context.events.emit("container", "create", id, { name, image: document.image.reference });
    return { container, warnings, kept: keep(context, container) };
  } catch (thrown) {
    await undo.unwind();
    throw tellingOfNoRoom(`container ${name}`, context.paths.containers, thrown);
  }
}

/** One that goes away by itself is written down later, if it is still there then. */
async function keep(context: ContainerContext, container: Container): Promise<void> {
  if (container.document.host.AutoRemove) return;
  const { directory } = context.paths.container(container.id);
  try {
    await writeRowFileDurably(directory, container);
  } catch (thrown) {
    throw tellingOfNoRoom(`container ${container.name}`, directory, thrown);
  }
}

function refusePlatform(platform: string, image: Image): void {
  if (platform === "") return;
  const [os, architecture] = platform.split("/");
  if (os === image.os && (architecture === undefined || architecture === image.architecture)) return;
  throw new TiffinError(
    "notFound",
    "container.platform",
    `image with reference ${image.id} was found but does not provide the specified platform (${platform})`,
  );
}

function decideDocument(
  context: ContainerContext,
  options: CreateOptions,
  image: Image,
  id: string,
): { readonly document: ContainerDocument; readonly warnings: readonly string[] } {
  const { HostConfig, NetworkingConfig: _networking, ...client } = options.body;
  const { facts } = context;
  const host = mergeHostConfig(HostConfig ?? {}, options.remove ?? false);
  const warnings = validateContainer(
    { ...options.body, HostConfig: { ...HostConfig, AutoRemove: host.AutoRemove } },
    facts,
  );
  const logWarnings = checkLogConfig(host.LogConfig);
  const sharesNames = host.NetworkMode === "host" || host.UTSMode === "host";
  const config = mergeConfig(client, image.config, id, sharesNames ? facts.hostname : undefined);
  checkWords(context, config.StopSignal, host);
  validateExposed(Object.keys(client.ExposedPorts ?? {}));
  const network = wantedEndpoint(options.body, host.NetworkMode);
  for (const mount of host.Mounts ?? []) validateMountOptions(mount);
  const mounts = collectMounts({
    binds: host.Binds ?? [],
    mounts: host.Mounts ?? [],
    tmpfs: host.Tmpfs ?? {},
    volumes: Object.keys(client.Volumes ?? {}),
    imageVolumes: Object.keys(image.config.Volumes ?? {}),
  }).map(nameAnonymous);
  for (const mount of mounts) {
    validateMountPlace(mount);
    if (mount.kind === "bind" && !mount.createSource) refuseMissingSource(mount.source);
  }
  const document: ContainerDocument = {
    image: { id: image.id, reference: options.body.Image ?? image.id, chain: image.chain },
    config,
    host,
    network,
    mounts,
    firstHostId: host.UsernsMode === "private" ? freeIdRange(context) : null,
  };
  const kinds = new Set<string>(namespacesOf(document).map(({ type }) => type));
  for (const key of Object.keys(host.Sysctls ?? {})) checkSysctl(key, kinds);
  return { document, warnings: [...warnings, ...logWarnings] };
}

/** Words that only a start would otherwise look at: refused now, where the user can still see why. */
function checkWords(
  context: ContainerContext,
  stopSignal: string | undefined,
  host: ContainerDocument["host"],
): void {
  const { identity } = context.facts;
  const request = { privileged: false, add: host.CapAdd ?? [], drop: host.CapDrop ?? [] };
  decideCapabilities(request, capabilityNames, identity.bounding);
  decodeSecurityOptions(host.SecurityOpt ?? []);
  decodePorts(host.PortBindings ?? {}, [], false);
  for (const rule of host.DeviceCgroupRules ?? []) decodeDeviceRule(rule);
  if (stopSignal !== undefined && parseSignal(stopSignal) === undefined) {
    throw new TiffinError("invalid", "container.stop-signal", `invalid signal: ${stopSignal}`);
  }
}

function nameAnonymous(mount: MountSpec): MountSpec {
  return mount.kind === "volume" && mount.volume === "" ? { ...mount, volume: newId() } : mount;
}

const firstRange = 0x10_0000;
const lastRange = 0x7000_0000;

/** The lowest range of host ids that no container's user namespace uses. */
function freeIdRange(context: ContainerContext): number {
  const used = new Set<number>();
  for (const container of context.registry.all()) {
    if (container.document.firstHostId !== null) used.add(container.document.firstHostId);
  }
  for (let first = firstRange; first < lastRange; first += mappedIds) if (!used.has(first)) return first;
  throw new TiffinError(
    "unavailable",
    "container.id-ranges-exhausted",
    "no range of host user ids is left for another user namespace",
  );
}
