/**
 * Images in the engine's database.
 *
 *   image_image  id (sha256:<hex> of configuration), configuration (the OCI document), size (bytes), added_ms
 *   image_name   name (docker.io/library/base:latest), image_id
 *
 * Layers are not counted here: `layers()` says which ones images need, the layer store keeps them. All images are
 * also held decoded in memory, since every list call and every start asks for them.
 */
import type { Database } from "bun:sqlite";
import { familiarName, normaliseReference, parseReference } from "../../docker/reference.ts";
import { nowMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { LayerStore } from "../layer/mod.ts";
import { baseName, defaultBusybox, makeBaseImage } from "./base-image.ts";
import { decodeConfiguration } from "./configuration.ts";
import type { Image, ImageStore } from "./image.ts";

export interface ImageStoreOptions {
  readonly database: Database;
  readonly layers: LayerStore;
  /** The static busybox that `base` is made from; `/bin/busybox` unless given. */
  readonly busybox?: string;
}

const idPattern = /^(?:sha256:)?([0-9a-f]{1,64})$/;
const idDigits = 64;

/** Opens the images of one engine. */
export function openImageStore(options: ImageStoreOptions): ImageStore {
  return new SqliteImageStore(options);
}

class SqliteImageStore implements ImageStore {
  readonly #database: Database;
  readonly #layerStore: LayerStore;
  readonly #busybox: string;
  readonly #images = new Map<string, Image>();
  readonly #names = new Map<string, string>();

  constructor(options: ImageStoreOptions) {
    this.#database = options.database;
    this.#layerStore = options.layers;
    this.#busybox = options.busybox ?? defaultBusybox;
    const images = this.#database.query<{ id: string; configuration: string; size: number }, []>(
      "SELECT id, configuration, size FROM image_image",
    );
    for (const row of images.all()) {
      this.#images.set(row.id, decodeConfiguration(row.id, row.configuration, row.size));
    }
    const names = this.#database.query<{ name: string; image_id: string }, []>(
      "SELECT name, image_id FROM image_name",
    );
    for (const row of names.all()) this.#names.set(row.name, row.image_id);
  }

  resolve(reference: string): Image {
    const found = this.#byName(reference) ?? this.#byIdOrPrefix(reference);
    if (found !== undefined) return found;
    throw new TiffinError("notFound", "image.not-found", `No such image: ${shownName(reference)}`);
  }

  byId(id: string): Image | undefined {
    return this.#images.get(id);
  }

  list(): Image[] {
    return [...this.#images.values()].sort((a, b) => Date.parse(b.created) - Date.parse(a.created));
  }

  tags(id: string): string[] {
    const names = [...this.#names].filter(([, imageId]) => imageId === id).map(([name]) => name);
    return names.map((name) => familiarName(parseReference(name))).sort();
  }

  layers(): Set<string> {
    return new Set(this.list().flatMap((image) => image.chain));
  }

  #byName(reference: string): Image | undefined {
    const direct = this.#names.get(`docker.io/library/${reference}:latest`);
    const name = direct === undefined ? fullName(reference) : undefined;
    const id = direct ?? (name === undefined ? undefined : this.#names.get(name));
    const image = id === undefined ? undefined : this.#images.get(id);
    if (image === undefined) return name === baseName ? this.#makeBase() : undefined;
    // Somebody emptied the layer directory: the built-in image is made again, others are the caller's problem.
    const whole = image.chain.every((layer) => this.#layerStore.hasLayer(layer));
    return whole || this.#names.get(baseName) !== image.id ? image : this.#makeBase();
  }

  #byIdOrPrefix(reference: string): Image | undefined {
    const hex = idPattern.exec(reference)?.[1];
    if (hex === undefined) return undefined;
    if (hex.length === idDigits) return this.#images.get(`sha256:${hex}`);
    const found = [...this.#images.values()].filter((image) => image.id.startsWith(`sha256:${hex}`));
    return found.length === 1 ? found[0] : undefined;
  }

  #makeBase(): Image {
    const made = makeBaseImage(this.#layerStore, this.#busybox);
    const image = decodeConfiguration(made.id, made.configuration, made.size);
    this.#database
      .transaction(() => {
        this.#database.run("INSERT OR IGNORE INTO image_image VALUES (?, ?, ?, ?)", [
          made.id,
          made.configuration,
          made.size,
          nowMs(),
        ]);
        this.#database.run("INSERT OR REPLACE INTO image_name VALUES (?, ?)", [baseName, made.id]);
      })
      .immediate();
    this.#images.set(image.id, image);
    this.#names.set(baseName, image.id);
    return image;
  }
}

/** The stored form, or undefined for text that can only be an id. */
function fullName(reference: string): string | undefined {
  if (idPattern.test(reference) && (reference.length === idDigits || reference.startsWith("sha256:"))) {
    return undefined;
  }
  return normaliseReference(parseReference(reference));
}

/** What Docker shows in its error: the short form with a tag, or the id as it was given. */
function shownName(reference: string): string {
  const name = fullName(reference);
  return name === undefined ? reference : familiarName(parseReference(name));
}
