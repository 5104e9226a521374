/** Docker's documents as rows on disk hold them. Pure. Errors are those of the decoders. */
import { type Decoder, integer, list, nullable, object, text } from "../../../docker/decode.ts";
import { containerConfig } from "../../../docker/types/container-config.ts";
import { hostConfig } from "../../../docker/types/host-config.ts";
import { type ContainerSpecification, mountSpecification } from "../specification/mod.ts";
import type { DockerDocuments } from "./documents.ts";
import { mergeHostConfig } from "./merge.ts";
import { specificationOf } from "./specification-of.ts";

export const storedDocuments: Decoder<DockerDocuments> = object({
  config: containerConfig,
  host: hostConfig,
});

const first = object({
  image: object({ id: text, reference: text, chain: list(text) }),
  config: containerConfig,
  host: hostConfig,
  network: object({ address: text, mac: text }),
  mounts: list(mountSpecification),
  firstHostId: nullable(integer),
});

export interface FirstDocument {
  readonly image: { readonly id: string; readonly reference: string; readonly chain: readonly string[] };
  readonly firstHostId: number | null;
  readonly specification: ContainerSpecification;
  readonly documents: DockerDocuments;
}

/** The first version of a row: Docker's documents, complete, from which a specification is made now. */
export function decodeFirstDocument(value: unknown, path: string): FirstDocument {
  const { image, config, host, network, mounts, firstHostId } = first(value, path);
  const merged = mergeHostConfig(host, { remove: false, cgroupMode: "v1" });
  const { Hostname = "", User = "", Env = [], Labels = {} } = config;
  const { specification } = specificationOf(
    { ...config, Hostname, User, Env, Labels },
    merged,
    [{ network: merged.NetworkMode, ...network }],
    mounts,
  );
  return { image, firstHostId, specification, documents: { config, host } };
}
