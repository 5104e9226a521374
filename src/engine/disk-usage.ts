/** `GET /system/df`: what images, containers and volumes hold on disk. Only containers' changes and volumes are walked. */
import type { DiskUsage } from "../docker/types/disk-usage.ts";
import { TiffinError } from "../lib/errors.ts";
import type { BuildService } from "./build/mod.ts";
import type { ContainerService } from "./container/mod.ts";
import type { ImageService, ImageStore } from "./image/mod.ts";
import { type LayerStore, treeBytes } from "./layer/mod.ts";
import type { VolumeService, VolumeStore } from "./volume/mod.ts";

export interface DiskUsageContext {
  readonly images: ImageService;
  readonly imageStore: ImageStore;
  readonly layers: LayerStore;
  readonly containers: ContainerService;
  readonly volumes: VolumeService;
  readonly volumeStore: VolumeStore;
  readonly usersOfVolume: (name: string) => readonly string[];
  readonly builds: BuildService;
}

const kinds = ["image", "container", "volume", "build-cache"];

/** `types` are the kinds that are wanted; none are all. Errors: `invalid` for another word. */
export async function diskUsage(context: DiskUsageContext, types: readonly string[]): Promise<DiskUsage> {
  const unknown = types.find((type) => !kinds.includes(type));
  if (unknown !== undefined) {
    throw new TiffinError("invalid", "system.df-type", `unknown object type: ${unknown}`);
  }
  const wants = (kind: string): boolean => types.length === 0 || types.includes(kind);
  const { images, imageStore, layers, containers } = context;
  let layerBytes = 0;
  if (wants("image")) for (const layer of imageStore.layers()) layerBytes += layers.layerDiskBytes(layer);
  return {
    LayersSize: layerBytes,
    Images: wants("image")
      ? await images.list({ all: false, sharedSize: true, containers: true, filters: {} })
      : null,
    Containers: wants("container") ? await containers.list({ all: true, size: true, filters: {} }) : null,
    Volumes: wants("volume") ? await volumeUsage(context) : null,
    BuildCache: wants("build-cache") ? await buildCache(context.builds) : null,
    BuilderSize: 0,
  };
}

async function volumeUsage({
  volumes,
  volumeStore,
  usersOfVolume,
}: DiskUsageContext): Promise<DiskUsage["Volumes"]> {
  const { Volumes } = await volumes.list({});
  const found = [];
  for (const document of Volumes) {
    const directory = volumeStore.find(document.Name)?.directory;
    const Size = directory === undefined ? 0 : await treeBytes(directory);
    found.push({ ...document, UsageData: { Size, RefCount: usersOfVolume(document.Name).length } });
  }
  return found;
}

async function buildCache(builds: BuildService): Promise<unknown[]> {
  return (await builds.usage()).map((record) => ({
    ID: record.key,
    Parent: "",
    Type: record.kind,
    Description: record.description,
    InUse: record.inUse,
    Shared: record.shared,
    Size: record.bytes,
    CreatedAt: new Date(record.createdMs).toISOString(),
    LastUsedAt: new Date(record.usedMs).toISOString(),
    UsageCount: record.uses,
  }));
}
