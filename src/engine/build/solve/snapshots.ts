/**
 * Trees of steps as images that nobody sees: so their layers stay as those of any image do, a container can be made of them, and a
 * crash leaves them whole or not at all.
 */
import { createHash } from "node:crypto";
import { endOfArchive } from "../../../archive/mod.ts";
import type { OciImageConfig, Platform } from "../../../oci/mod.ts";
import { type Image, type ImageStore, ingestLayer, type LayerHold, snapshotMark } from "../../image/mod.ts";
import type { LayerStore } from "../../layer/mod.ts";

const encoder = new TextEncoder();
const beginning = "1970-01-01T00:00:00Z";

/** Says nothing but its layers, so that equal trees are one. */
export function snapshotDocument(chain: readonly string[], platform: Platform): OciImageConfig {
  return {
    created: beginning,
    architecture: platform.architecture,
    ...(platform.variant !== "" && { variant: platform.variant }),
    os: platform.os,
    config: {},
    rootfs: { type: "layers", diff_ids: chain.map((id) => `sha256:${id}`) },
    history: [{ created: beginning, created_by: snapshotMark, empty_layer: true }],
  };
}

export class Snapshots {
  readonly #images: ImageStore;
  readonly #layers: LayerStore;

  constructor(images: ImageStore, layers: LayerStore) {
    this.#images = images;
    this.#layers = layers;
  }

  /** Made when it is not there. */
  imageOf(chain: readonly string[], platform: Platform): Image {
    const configuration = encoder.encode(JSON.stringify(snapshotDocument(chain, platform)));
    const id = `sha256:${createHash("sha256").update(configuration).digest("hex")}`;
    return this.#images.byId(id) ?? this.#images.add({ configuration }).image;
  }

  /** Stores one layer more, held by `hold`, and gives its id. Errors: as for `ingestLayer`. */
  async addLayer(bytes: AsyncIterable<Uint8Array>, hold: LayerHold): Promise<string> {
    return (await ingestLayer(this.#layers, hold, bytes)).id;
  }

  /** That of a step that has changed nothing. */
  async addEmptyLayer(hold: LayerHold): Promise<string> {
    return await this.addLayer(emptyArchive(), hold);
  }

  isThere(chain: readonly string[]): boolean {
    return chain.every((layer) => this.#layers.hasLayer(layer));
  }
}

async function* emptyArchive(): AsyncGenerator<Uint8Array> {
  yield endOfArchive;
}
