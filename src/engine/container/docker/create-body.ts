/** `POST /containers/create` and what stands in its body, as a specification. Pure. */
import type { ContainerCreateBody } from "../../../docker/types/container.ts";
import type { CgroupFacts } from "../../../linux/host-facts.ts";
import type { ImageConfig } from "../../image/mod.ts";
import type { ContainerSpecification, MountSpec } from "../specification/mod.ts";
import { checkRequest } from "./check-request.ts";
import type { DockerDocuments } from "./documents.ts";
import { mergeConfig, mergeHostConfig } from "./merge.ts";
import { collectMounts, decodeVolumesFrom, takenOver } from "./mount-spec.ts";
import { specificationOf } from "./specification-of.ts";
import { wantedEndpoints } from "./wanted-endpoint.ts";

export interface BodyCircumstances {
  /** Of the container that is being made. */
  readonly id: string;
  readonly image: ImageConfig;
  /** The host's own name, for a container that shares it. */
  readonly hostname: string;
  /** The name of the network that a client calls by its name or id; undefined when there is none. */
  readonly networkName?: (reference: string) => string | undefined;
  /** The id of the container that a client calls so. */
  readonly containerId?: (reference: string) => string | undefined;
  /** The mounts of another container. Errors: `container.volumes-from` when there is none. */
  readonly mountsOf?: (container: string) => readonly MountSpec[];
  readonly cgroupMode: CgroupFacts["mode"];
  /** Of containers that name none. */
  readonly defaultRuntime?: string;
  /** It goes when it has ended, whatever the body says. */
  readonly remove: boolean;
}

export interface DecodedBody {
  readonly specification: ContainerSpecification;
  /** What inspect gives back. */
  readonly documents: DockerDocuments;
  readonly warnings: readonly string[];
}

/** Errors: `container.*`, kinds `invalid` and `notImplemented`. */
export function decodeCreateBody(body: ContainerCreateBody, around: BodyCircumstances): DecodedBody {
  const { HostConfig = {}, NetworkingConfig: _networking, ...client } = body;
  const warnings = checkRequest(body);
  const host = mergeHostConfig(HostConfig, around);
  const sharesNames = host.NetworkMode === "host" || host.UTSMode === "host";
  const config = mergeConfig(client, around.image, around.id, sharesNames ? around.hostname : undefined);
  const endpoints = wantedEndpoints(body, host.NetworkMode, around.networkName, around.containerId);
  const mounts = collectMounts({
    binds: host.Binds ?? [],
    mounts: host.Mounts ?? [],
    tmpfs: host.Tmpfs ?? {},
    volumes: Object.keys(client.Volumes ?? {}),
    imageVolumes: Object.keys(around.image.Volumes ?? {}),
    inherited: (host.VolumesFrom ?? []).flatMap((text) => {
      const { container, readOnly } = decodeVolumesFrom(text);
      return takenOver(around.mountsOf?.(container) ?? [], readOnly);
    }),
    driver: host.VolumeDriver ?? "",
  });
  const translated = specificationOf(config, host, endpoints, mounts);
  return {
    specification: translated.specification,
    documents: { config, host },
    warnings: [...warnings, ...translated.warnings],
  };
}
