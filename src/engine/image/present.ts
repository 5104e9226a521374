/** Images in the shapes of Docker's API. Pure. */
import { completeDocument, imageDocument } from "../../docker/documents.ts";
import type { ImageHistoryItem, ImageInspect, ImageSummary } from "../../docker/types/image.ts";
import type { Image } from "./image.ts";

const msPerSecond = 1000;
const neverTagged = "0001-01-01T00:00:00Z";
const graphDriver = "overlay2";
const missing = "<missing>";

export interface ImageNames {
  readonly tags: readonly string[];
  readonly digests: readonly string[];
}

function unixSeconds(time: string): number {
  return Math.floor(Date.parse(time) / msPerSecond);
}

/** One row of `GET /images/json`. */
export function imageSummary(
  image: Image,
  names: ImageNames,
  counts: { readonly containers: number; readonly sharedSize: number },
): ImageSummary {
  return {
    Id: image.id,
    ParentId: image.parent,
    RepoTags: [...names.tags],
    RepoDigests: [...names.digests],
    Created: unixSeconds(image.created),
    Size: image.size,
    SharedSize: counts.sharedSize,
    Labels: image.config.Labels === undefined ? null : { ...image.config.Labels },
    Containers: counts.containers,
  };
}

/** `GET /images/{name}/json`. */
export function imageInspect(image: Image, names: ImageNames, taggedMs: number): ImageInspect {
  const { config } = image;
  return completeDocument<ImageInspect>(imageDocument, {
    Id: image.id,
    RepoTags: [...names.tags],
    RepoDigests: [...names.digests],
    Parent: image.parent,
    Comment: image.history.at(-1)?.comment ?? "",
    Created: image.created,
    DockerVersion: "",
    Author: image.author,
    Architecture: image.architecture,
    ...(image.variant === "" ? {} : { Variant: image.variant }),
    Os: image.os,
    ...(image.osVersion === "" ? {} : { OsVersion: image.osVersion }),
    Size: image.size,
    GraphDriver: { Name: graphDriver, Data: null },
    RootFS: { Type: "layers", Layers: image.chain.map((id) => `sha256:${id}`) },
    Metadata: { LastTagTime: taggedMs === 0 ? neverTagged : new Date(taggedMs).toISOString() },
    Config: {
      User: config.User ?? "",
      Env: config.Env === undefined ? null : [...config.Env],
      Cmd: config.Cmd === undefined ? null : [...config.Cmd],
      Entrypoint: config.Entrypoint === undefined ? null : [...config.Entrypoint],
      ExposedPorts: config.ExposedPorts === undefined ? null : { ...config.ExposedPorts },
      Volumes: config.Volumes === undefined ? null : { ...config.Volumes },
      WorkingDir: config.WorkingDir ?? "",
      Labels: config.Labels === undefined ? null : { ...config.Labels },
      OnBuild: config.OnBuild === undefined ? null : [...config.OnBuild],
      ...(config.Healthcheck === undefined ? {} : { Healthcheck: { ...config.Healthcheck } }),
      ...(config.ArgsEscaped === undefined ? {} : { ArgsEscaped: config.ArgsEscaped }),
      ...(config.StopSignal === undefined ? {} : { StopSignal: config.StopSignal }),
      ...(config.Shell === undefined ? {} : { Shell: [...config.Shell] }),
    },
  });
}

/**
 * `GET /images/{name}/history`, newest first. `ancestry` is the image and the images that it was made from, as far as they are
 * there, with their tags; `layerBytes` are the sizes of the image's layers, lowest first.
 */
export function imageHistory(
  image: Image,
  layerBytes: readonly number[],
  ancestry: readonly { readonly id: string; readonly tags: readonly string[] }[],
): ImageHistoryItem[] {
  let layer = 0;
  const items = image.history.map((entry): ImageHistoryItem => {
    const size = entry.empty_layer === true ? 0 : (layerBytes[layer++] ?? 0);
    return {
      Id: missing,
      Created: entry.created === undefined ? 0 : unixSeconds(entry.created),
      CreatedBy: entry.created_by ?? "",
      Tags: null,
      Size: size,
      Comment: entry.comment ?? "",
    };
  });
  return items.reverse().map((item, index) => {
    const known = ancestry[index];
    if (known === undefined) return item;
    return { ...item, Id: known.id, Tags: known.tags.length === 0 ? null : [...known.tags] };
  });
}
