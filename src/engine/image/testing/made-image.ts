/** Small images for tests: a layer is one file. */
import { endOfArchive, headerOf, padding } from "../../../archive/mod.ts";
import type { LayerStore } from "../../layer/mod.ts";
import type { NewImage } from "../image.ts";

const encoder = new TextEncoder();

/** The tar of a layer with one file of this content. */
export function layerTar(content: string): Uint8Array<ArrayBuffer> {
  const bytes = encoder.encode(content);
  const header = headerOf({
    type: "file",
    path: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: bytes.length,
    modifiedAtNs: 0n,
    linkTarget: "",
    deviceMajor: 0,
    deviceMinor: 0,
    attributes: new Map(),
  });
  return new Uint8Array(Buffer.concat([header, bytes, padding(bytes.length), endOfArchive]));
}

/** Puts the layers of these contents into the store and describes an image of them. */
export function madeImage(
  layers: LayerStore,
  contents: readonly string[],
  more: Partial<NewImage> & { readonly document?: Readonly<Record<string, unknown>> } = {},
): NewImage {
  const { document, ...rest } = more;
  const chain = contents.map((content) => {
    using ingest = layers.ingest();
    ingest.push(layerTar(content));
    return ingest.finish().id;
  });
  const configuration = {
    architecture: "amd64",
    os: "linux",
    created: "2020-01-01T00:00:00Z",
    rootfs: { type: "layers", diff_ids: chain.map((id) => `sha256:${id}`) },
    history: contents.map((content) => ({ created: "2020-01-01T00:00:00Z", created_by: `add ${content}` })),
    ...document,
  };
  return { configuration: encoder.encode(JSON.stringify(configuration)), ...rest };
}
