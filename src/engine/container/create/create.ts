/** Creation: everything about a container is decided and written down; nothing of it runs yet. */
import { lchownSync } from "node:fs";
import type { ContainerCreateBody } from "../../../docker/types/container.ts";
import { nowMs } from "../../../lib/clock.ts";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import { newId, randomHex, shortId } from "../../../lib/ids.ts";
import { UndoStack } from "../../../lib/undo-stack.ts";
import { platformOfMachine } from "../../../oci/mod.ts";
import { type Image, requirePlatform, wantedPlatform } from "../../image/mod.ts";
import type { ContainerDirectory } from "../../layer/mod.ts";
import { runtimeProgram } from "../../runtimes.ts";
import { tellingOfNoRoom } from "../../store/mod.ts";
import { tellEvent } from "../context.ts";
import { type DockerDocuments, decodeCreateBody } from "../docker/mod.ts";
import { findMountImage, refuseMissingSource } from "../mounts/mod.ts";
import {
  type Container,
  type ContainerDocument,
  containerOfRow,
  decodeContainerName,
  makeUpName,
  writeRowFileDurably,
} from "../record/mod.ts";
import { mappedIds } from "../runtime-spec/mod.ts";
import {
  type ContainerSpecification,
  checkSpecification,
  containerSpecification,
  type MountSpec,
} from "../specification/mod.ts";
import { portRequest } from "../start/mod.ts";
import type { CreateContext } from "./context.ts";

/** What is to be made, in the words of whoever asks. */
export type Wanted =
  /** Docker's; `remove`: take it away when it has ended, whatever `HostConfig.AutoRemove` says. */
  | { readonly body: ContainerCreateBody; readonly remove?: boolean }
  /** The engine's own. `image` is a reference. */
  | { readonly specification: unknown; readonly image: string };

export interface CreateOptions {
  readonly name?: string | undefined;
  readonly platform?: string | undefined;
  readonly wanted: Wanted;
}

export interface Created {
  readonly container: Container;
  readonly warnings: readonly string[];
  /** Resolves when a power cut cannot take the container back; it may be started before. */
  readonly kept: Promise<void>;
}

/** A body that says nothing of the container itself. Errors: `container.no-config`, in Docker's words. */
function refuseNothing(body: ContainerCreateBody): void {
  const { HostConfig: _host, NetworkingConfig: _networking, ...config } = body;
  if (Object.values(config).some((value) => value !== undefined)) return;
  throw new TiffinError(
    "invalid",
    "container.no-config",
    "config cannot be empty in order to create a container",
  );
}

/** Random number from 0 to `below` - 1, for names. */
function randomBelow(below: number): number {
  return Number.parseInt(randomHex(8), 16) % below;
}

/**
 * Makes a container. Errors: `notFound` for the image and for nothing else, because clients take it to mean that the
 * image has to be pulled; `conflict` for the name, `invalid` for everything that validation finds. Nothing stays behind on failure.
 */
export async function createContainer(context: CreateContext, options: CreateOptions): Promise<Created> {
  const { registry } = context;
  const { wanted } = options;
  if ("body" in wanted) refuseNothing(wanted.body);
  const reference = "body" in wanted ? (wanted.body.Image ?? "") : wanted.image;
  await requireLayers(context, context.images.resolve(reference), reference);
  // Meanwhile it may have gone.
  const image = context.images.resolve(reference);
  const { machine } = context.facts.kernel;
  requirePlatform(image, reference, wantedPlatform(options.platform, platformOfMachine(machine)));
  const id = newId();
  const name =
    options.name === undefined || options.name === ""
      ? makeUpName((taken) => registry.nameIsTaken(taken), randomBelow)
      : decodeContainerName(options.name);
  using _reservation = registry.reserve(name, id);
  const { document, warnings } = decideDocument(context, wanted, image, id);
  const undo = new UndoStack();
  try {
    undo.push("container directory", () => context.layers.remove(id));
    const directory = await prepareDirectory(context, id, document);
    const { firstHostId } = document;
    // The container's root directory belongs to its own root.
    if (firstHostId !== null) lchownSync(directory.upper, firstHostId, firstHostId);
    context.fail("create.directory");
    const container = registry.add(id, name, nowMs(), document);
    undo.push("container row", () => registry.drop(container));
    context.fail("create.row");
    tellEvent(context, container, "create");
    return { container, warnings, kept: keep(context, container) };
  } catch (thrown) {
    await undo.unwind();
    throw tellingOfNoRoom(`container ${name}`, context.paths.containers, thrown);
  }
}

/** What a creation would write down, without doing so: a container that nobody else knows. */
export function decideContainer(
  context: CreateContext,
  { name, platform, wanted }: CreateOptions,
): Container {
  const reference = "body" in wanted ? (wanted.body.Image ?? "") : wanted.image;
  const image = context.images.resolve(reference);
  requirePlatform(
    image,
    reference,
    wantedPlatform(platform, platformOfMachine(context.facts.kernel.machine)),
  );
  const id = newId();
  const { document } = decideDocument(context, wanted, image, id);
  const row = { id, name: name || shortId(id), createdMs: nowMs(), document, restarts: 0 };
  return containerOfRow({ ...row, state: { status: "created" } });
}

/** As if the image were not there, for who hears that fetches it again; what is whole of it is not fetched then. */
async function requireLayers({ layers }: CreateContext, image: Image, reference: string): Promise<void> {
  const lost = await layers.lostLayer(image.chain);
  if (lost === undefined) return;
  throw new TiffinError(
    "notFound",
    "image.damaged",
    `No such image: ${reference}: its layer sha256:${lost} is damaged or gone`,
    { remedy: "pull or load the image again: only that layer is brought in anew" },
  );
}

async function prepareDirectory(
  { images, layers }: CreateContext,
  id: string,
  { image, specification: { storageBytes } }: ContainerDocument,
): Promise<ContainerDirectory> {
  if (storageBytes === undefined) return layers.prepare(id, image.chain);
  // Making it takes a while, in which nobody else knows that the layers are needed.
  using hold = images.hold();
  for (const layer of image.chain) hold.keep(layer);
  return await layers.prepareSized(id, image.chain, Number(storageBytes));
}

/** One that goes away by itself is written down later, if it is still there then. */
async function keep(context: CreateContext, container: Container): Promise<void> {
  if (container.document.specification.removeWhenEnded) return;
  const { directory } = context.paths.container(container.id);
  try {
    await writeRowFileDurably(directory, container);
  } catch (thrown) {
    throw tellingOfNoRoom(`container ${container.name}`, directory, thrown);
  }
}

/** Not `notFound`: clients would take it for the image's. */
function mountsOf(context: CreateContext, reference: string): readonly MountSpec[] {
  try {
    return context.registry.resolve(reference).document.specification.mounts;
  } catch (thrown) {
    throw new TiffinError("invalid", "container.volumes-from", messageOf(thrown), { cause: thrown });
  }
}

interface Decided {
  readonly specification: ContainerSpecification;
  readonly docker: DockerDocuments | null;
  readonly warnings: readonly string[];
}

/** From here on nothing asks who wanted it. */
function decode(context: CreateContext, wanted: Wanted, image: Image, id: string): Decided {
  if ("specification" in wanted) {
    const specification = containerSpecification(wanted.specification, "");
    return { specification, docker: null, warnings: [] };
  }
  const { specification, documents, warnings } = decodeCreateBody(wanted.body, {
    id,
    image: image.config,
    hostname: context.facts.hostname,
    cgroupMode: context.facts.cgroup.mode,
    defaultRuntime: context.config.defaultRuntime,
    remove: wanted.remove ?? false,
    networkName: (reference) => context.networks.find(reference)?.name,
    containerId: (reference) => context.registry.idOf(reference),
    mountsOf: (reference) => mountsOf(context, reference),
  });
  return { specification, docker: documents, warnings };
}

function decideDocument(
  context: CreateContext,
  wanted: Wanted,
  image: Image,
  id: string,
): { readonly document: ContainerDocument; readonly warnings: readonly string[] } {
  const decided = decode(context, wanted, image, id);
  const warnings = checkSpecification(decided.specification, context.facts);
  const { runtime } = decided.specification;
  if (runtime !== undefined) runtimeProgram(context.config, runtime);
  const named = complete(decided.specification, id, context.facts.hostname);
  const specification = { ...named, mounts: named.mounts.map((mount) => findMountImage(context, mount)) };
  for (const namespace of [specification.namespaces.pid, specification.namespaces.ipc]) {
    if (namespace.kind === "container") requireContainer(context, namespace.container);
  }
  for (const mount of specification.mounts) {
    if (mount.kind === "bind" && !mount.createSource) refuseMissingSource(mount.source);
  }
  const reference = "body" in wanted ? (wanted.body.Image ?? image.id) : wanted.image;
  const document: ContainerDocument = {
    image: { id: image.id, reference, chain: image.chain },
    firstHostId: specification.namespaces.user === "private" ? freeIdRange(context) : null,
    specification,
    docker: decided.docker,
  };
  return { document, warnings: [...warnings, ...decided.warnings, ...portWarnings(context, specification)] };
}

/** Not "not found" of an image, which clients would pull. */
function requireContainer({ registry }: Pick<CreateContext, "registry">, name: string): void {
  try {
    registry.resolve(name);
  } catch (thrown) {
    throw new TiffinError("invalid", "container.namespace-of", messageOf(thrown), { cause: thrown });
  }
}

/** What a start would say of its ports, as far as it is known: a client that only creates and starts hears nothing of a start. */
function portWarnings(
  { networks }: Pick<CreateContext, "networks">,
  { network }: ContainerSpecification,
): readonly string[] {
  if (network.kind !== "networks" || network.ports.length === 0) return [];
  const endpoints = network.endpoints.flatMap(({ network: name, gatewayPriority = 0 }) => {
    const found = networks.find(name);
    return found === undefined ? [] : [{ network: found.id, gatewayPriority }];
  });
  return networks.portWarnings({ endpoints, ports: network.ports.map(portRequest) });
}

/** With what only the engine can choose: a name for the host where there is none, and one for each anonymous volume. */
function complete(
  specification: ContainerSpecification,
  id: string,
  hostname: string,
): ContainerSpecification {
  const { namespaces, network, mounts } = specification;
  const sharesNames = network.kind === "host" || namespaces.uts === "host";
  return {
    ...specification,
    hostname: specification.hostname || (sharesNames ? hostname : shortId(id)),
    mounts: mounts.map((mount) =>
      mount.kind === "volume" && mount.volume === "" ? { ...mount, volume: newId() } : mount,
    ),
  };
}

const firstRange = 0x10_0000;
const lastRange = 0x7000_0000;

/** The lowest range of host ids that no container's user namespace uses. */
function freeIdRange(context: CreateContext): number {
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
