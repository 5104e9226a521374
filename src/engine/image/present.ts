/** Images in the shapes of Docker's API. Pure. */
import { completeDocument, imageDocument } from "../../docker/documents.ts";
import type { ImageInspect, ImageSummary } from "../../docker/types/image.ts";
import type { Image } from "./image.ts";

const msPerSecond = 1000;
const notComputed = -1;
const neverTagged = "0001-01-01T00:00:00Z";
const graphDriver = "overlay2";

/** One row of `GET /images/json`. */
export function imageSummary(image: Image, tags: readonly string[]): ImageSummary {
  return {
    Id: image.id,
    ParentId: "",
    RepoTags: [...tags],
    RepoDigests: [],
    Created: Math.floor(Date.parse(image.created) / msPerSecond),
    Size: image.size,
    SharedSize: notComputed,
    Labels: image.config.Labels === undefined ? null : { ...image.config.Labels },
    Containers: notComputed,
  };
}

/** `GET /images/{name}/json`. */
export function imageInspect(image: Image, tags: readonly string[]): ImageInspect {
  const { config } = image;
  return completeDocument<ImageInspect>(imageDocument, {
    Id: image.id,
    RepoTags: [...tags],
    RepoDigests: [],
    Parent: "",
    Comment: "",
    Created: image.created,
    DockerVersion: "",
    Author: image.author,
    Architecture: image.architecture,
    Os: image.os,
    Size: image.size,
    GraphDriver: { Name: graphDriver, Data: null },
    RootFS: { Type: "layers", Layers: image.chain.map((id) => `sha256:${id}`) },
    Metadata: { LastTagTime: neverTagged },
    Config: {
      User: config.User ?? "",
      Env: config.Env === undefined ? null : [...config.Env],
      Cmd: config.Cmd === undefined ? null : [...config.Cmd],
      Entrypoint: config.Entrypoint === undefined ? null : [...config.Entrypoint],
      ExposedPorts: config.ExposedPorts === undefined ? null : { ...config.ExposedPorts },
      Volumes: config.Volumes === undefined ? null : { ...config.Volumes },
      WorkingDir: config.WorkingDir ?? "",
      Labels: config.Labels === undefined ? null : { ...config.Labels },
      ...(config.StopSignal === undefined ? {} : { StopSignal: config.StopSignal }),
      ...(config.Shell === undefined ? {} : { Shell: [...config.Shell] }),
    },
  });
}
