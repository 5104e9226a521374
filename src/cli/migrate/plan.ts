/** What a migration does, decided from what is there and what is here. Pure. */
import type { ContainerInspect } from "../../docker/types/container.ts";
import type { ImageSummary } from "../../docker/types/image.ts";
import type { NetworkResource } from "../../docker/types/network.ts";
import type { VolumeDocument } from "../../docker/types/volume.ts";

export interface Inventory {
  readonly images: readonly ImageSummary[];
  readonly volumes: readonly VolumeDocument[];
  readonly networks: readonly NetworkResource[];
  readonly containers: readonly ContainerInspect[];
}

interface Common {
  /** As people call it. */
  readonly name: string;
  /** Why it is not taken; undefined: it is. */
  readonly left?: string;
}
export type Step =
  | (Common & { readonly kind: "image"; readonly reference: string; readonly bytes: number })
  | (Common & { readonly kind: "volume"; readonly volume: VolumeDocument })
  | (Common & { readonly kind: "network"; readonly network: NetworkResource })
  | (Common & { readonly kind: "container"; readonly container: ContainerInspect });

const nameless = "<none>:<none>";
const builtInNetworks: ReadonlySet<string> = new Set(["bridge", "host", "none", "podman"]);

/** While a volume is copied, a container of this name holds it: one that is left says that the copy is not whole. */
export function copierOf(volume: string): string {
  return `tiffin-migrate-${volume}`;
}

export function plainName(container: ContainerInspect): string {
  return container.Name.replace(/^\//, "");
}

export function planMigration(there: Inventory, here: Inventory): readonly Step[] {
  return [
    ...imageSteps(there, here),
    ...networkSteps(there, here),
    ...volumeSteps(there, here),
    ...containerSteps(there, here),
  ];
}

function* imageSteps(there: Inventory, here: Inventory): Generator<Step> {
  const idOf = new Map(here.images.flatMap(({ Id, RepoTags }) => RepoTags.map((tag) => [tag, Id] as const)));
  const ids = new Set(here.images.map(({ Id }) => Id));
  const wanted = new Set(there.containers.map(({ Image }) => Image.replace(/^(?!sha256:)/, "sha256:")));
  for (const { Id, RepoTags, Size } of there.images) {
    const tags = RepoTags.filter((tag) => tag !== nameless);
    for (const tag of tags) {
      const found = idOf.get(tag);
      const left =
        found === Id
          ? "it is here already"
          : found === undefined
            ? undefined
            : "that name is another image here";
      yield { kind: "image", name: tag, reference: tag, bytes: Size, ...(left !== undefined && { left }) };
    }
    if (tags.length > 0) continue;
    const left = ids.has(Id)
      ? "it is here already"
      : wanted.has(Id)
        ? undefined
        : "it has no name, and no container is made of it";
    yield {
      kind: "image",
      name: Id.slice(0, 19),
      reference: Id,
      bytes: Size,
      ...(left !== undefined && { left }),
    };
  }
}

function* networkSteps(there: Inventory, here: Inventory): Generator<Step> {
  for (const network of there.networks) {
    const { Name: name, Driver: driver } = network;
    if (builtInNetworks.has(name)) continue;
    const left = here.networks.some(({ Name }) => Name === name)
      ? "it is here already"
      : driver === "bridge"
        ? undefined
        : `its driver is ${driver}; make it by hand`;
    yield { kind: "network", name, network, ...(left !== undefined && { left }) };
  }
}

/** Who changes each volume while it is looked at, by the volume's name: a copy of it would be torn. */
function writersOf({ containers }: Inventory): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const container of containers.filter(({ State }) => State.Running)) {
    for (const { Type, Name = "", RW } of container.Mounts)
      if (Type === "volume" && RW) found.set(Name, plainName(container));
  }
  return found;
}

/** A container without the content of its volumes would look whole, and be empty. */
function lostVolume(container: ContainerInspect, writers: ReadonlyMap<string, string>): string | undefined {
  return container.Mounts.find(({ Type, Name = "" }) => Type === "volume" && writers.has(Name))?.Name;
}

function* volumeSteps(there: Inventory, here: Inventory): Generator<Step> {
  const unfinished = new Set(here.containers.map(plainName));
  const writers = writersOf(there);
  for (const volume of there.volumes) {
    const { Name: name, Driver: driver } = volume;
    const isHere = here.volumes.some(({ Name }) => Name === name) && !unfinished.has(copierOf(name));
    const left = isHere
      ? "it is here already"
      : driver !== "local"
        ? `its driver is ${driver}`
        : Object.keys(volume.Options ?? {}).length > 0
          ? "it is mounted from elsewhere by its options; make it by hand"
          : writers.has(name)
            ? `${writers.get(name)} runs and writes there; stop it first`
            : undefined;
    yield { kind: "volume", name, volume, ...(left !== undefined && { left }) };
  }
}

function* containerSteps(there: Inventory, here: Inventory): Generator<Step> {
  const names = new Set(here.containers.map(plainName));
  const volumesHere = new Set(here.volumes.map(({ Name }) => Name));
  const writers = new Map([...writersOf(there)].filter(([volume]) => !volumesHere.has(volume)));
  for (const container of there.containers) {
    const name = plainName(container);
    const lost = lostVolume(container, writers);
    const left = names.has(name)
      ? "it is here already"
      : container.State.Running
        ? "it runs; stop it there first"
        : lost !== undefined
          ? `${writers.get(lost)} runs and writes to its volume ${lost}; stop it first`
          : undefined;
    yield { kind: "container", name, container, ...(left !== undefined && { left }) };
  }
}
