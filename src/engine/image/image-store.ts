/**
 * Images in the engine's database (drawn in `store/schema.ts`). Which images and references there are is also held in memory, since
 * every list call and every start asks for it; it is read when somebody first asks, so that no start of an engine takes longer the
 * more images there are. Configurations are decoded when somebody first looks at them.
 *
 * What an image is made of and what it is called changes in one transaction, which is on disk before a layer goes: so neither a
 * crash nor a power cut leaves an image without its layers.
 */
import type { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { familiarName, normaliseReference, parseReference } from "../../docker/reference.ts";
import { nowMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { LayerStore } from "../layer/mod.ts";
import { directWrites, type Writes } from "../store/mod.ts";
import { baseName, defaultBusybox, makeBaseImage } from "./base-image.ts";
import { decodeConfiguration } from "./configuration.ts";
import type { ImageFailpointHook } from "./failpoints.ts";
import type {
  AddedImage,
  Displaced,
  Image,
  ImageManifest,
  ImageStore,
  LayerHold,
  NewImage,
} from "./image.ts";
import { LayerUses } from "./layer-uses.ts";
import { isSnapshot } from "./snapshot-mark.ts";

export interface ImageStoreOptions {
  readonly database: Database;
  readonly layers: LayerStore;
  readonly writes?: Writes;
  /** The layers of every container; none unless given. */
  readonly containerChains?: () => Iterable<readonly string[]>;
  /** The static busybox that `base` is made from; `/bin/busybox` unless given. */
  readonly busybox?: string;
  readonly fail?: ImageFailpointHook;
}

const idPattern = /^(?:sha256:)?([0-9a-f]{1,64})$/;
const idDigits = 64;

interface StoredImage {
  readonly id: string;
  readonly chain: readonly string[];
  readonly size: number;
  readonly parent: string;
  taggedMs: number;
  decoded: Image | undefined;
}

interface ImageIndex {
  readonly images: Map<string, StoredImage>;
  /** What each full reference means. */
  readonly ids: Map<string, string>;
  /** Of each image. */
  readonly references: Map<string, Set<string>>;
  readonly children: Map<string, Set<string>>;
}

interface ImageRow {
  readonly id: string;
  readonly chain: string;
  readonly size: number;
  readonly parent: string;
  readonly tagged_ms: number;
}

/** Opens the images of one engine. */
export function openImageStore(options: ImageStoreOptions): ImageStore {
  return new SqliteImageStore(options);
}

class SqliteImageStore implements ImageStore {
  readonly #database: Database;
  readonly #layerStore: LayerStore;
  readonly #writes: Writes;
  readonly #busybox: string;
  readonly #layerUses: LayerUses;
  #inMemory: ImageIndex | undefined;

  constructor(options: ImageStoreOptions) {
    this.#database = options.database;
    this.#layerStore = options.layers;
    this.#writes = options.writes ?? directWrites;
    this.#busybox = options.busybox ?? defaultBusybox;
    const containerChains = options.containerChains ?? (() => []);
    this.#layerUses = new LayerUses({
      database: this.#database,
      layers: this.#layerStore,
      containerChains,
      fail: options.fail ?? (() => {}),
    });
  }

  get #index(): ImageIndex {
    return this.#inMemory ?? this.#readIndex();
  }

  /** At the first look at what is in it. */
  #readIndex(): ImageIndex {
    const images = this.#database
      .query<ImageRow, []>("SELECT id, chain, size, parent, tagged_ms FROM image")
      .all();
    const references = this.#database
      .query<{ reference: string; image_id: string }, []>("SELECT reference, image_id FROM image_reference")
      .all();
    const index: ImageIndex = {
      images: new Map(),
      ids: new Map(),
      references: new Map(),
      children: new Map(),
    };
    this.#inMemory = index;
    for (const { id, chain, size, parent, tagged_ms } of images) {
      const layers = chain === "" ? [] : chain.split(" ");
      this.#remember({ id, chain: layers, size, parent, taggedMs: tagged_ms, decoded: undefined });
    }
    for (const row of references) this.#point(row.reference, row.image_id);
    return index;
  }

  get #images(): Map<string, StoredImage> {
    return this.#index.images;
  }

  get #ids(): Map<string, string> {
    return this.#index.ids;
  }

  get #references(): Map<string, Set<string>> {
    return this.#index.references;
  }

  get #children(): Map<string, Set<string>> {
    return this.#index.children;
  }

  /** In which the images have been counted. */
  get #uses(): LayerUses {
    if (this.#inMemory === undefined) this.#readIndex();
    return this.#layerUses;
  }

  get size(): number {
    return this.#images.size;
  }

  resolve(reference: string): Image {
    const found = this.#byName(reference) ?? this.#byIdOrPrefix(reference);
    if (found !== undefined) return this.#decoded(found);
    throw new TiffinError("notFound", "image.not-found", `No such image: ${shownName(reference)}`);
  }

  byId(id: string): Image | undefined {
    const stored = this.#images.get(id);
    return stored === undefined ? undefined : this.#decoded(stored);
  }

  list(): Image[] {
    return [...this.#images.values()]
      .map((stored) => this.#decoded(stored))
      .filter((image) => !this.#isSnapshot(image))
      .sort((a, b) => Date.parse(b.created) - Date.parse(a.created));
  }

  snapshots(): Image[] {
    const images = [...this.#images.values()].map((stored) => this.#decoded(stored));
    return images.filter((image) => this.#isSnapshot(image));
  }

  /** Anybody may give an image that history, but none of the builder's has a name. */
  #isSnapshot(image: Image): boolean {
    return isSnapshot(image) && !this.#references.has(image.id);
  }

  tags(id: string): string[] {
    return this.#familiar(id, false);
  }

  digests(id: string): string[] {
    return this.#familiar(id, true);
  }

  references(id: string): string[] {
    return [...(this.#references.get(id) ?? [])].sort();
  }

  idOf(reference: string): string | undefined {
    return this.#ids.get(reference);
  }

  tagsOf(repository: string): string[] {
    return [...this.#ids.keys()].filter((one) => one.startsWith(`${repository}:`) && !isDigest(one)).sort();
  }

  children(id: string): string[] {
    return [...(this.#children.get(id) ?? [])];
  }

  taggedMs(id: string): number {
    return this.#images.get(id)?.taggedMs ?? 0;
  }

  configuration(id: string): Uint8Array {
    const row = this.#database
      .query<{ configuration: Uint8Array }, [string]>("SELECT configuration FROM image WHERE id = ?")
      .get(id);
    if (row === null) throw new TiffinError("notFound", "image.not-found", `No such image: ${id}`);
    return row.configuration;
  }

  manifests(id: string): ImageManifest[] {
    return this.#database
      .query<{ digest: string; media_type: string; content: Uint8Array }, [string]>(
        "SELECT digest, media_type, content FROM image_manifest WHERE image_id = ?",
      )
      .all(id)
      .map(({ digest, media_type, content }) => ({ digest, mediaType: media_type, content }));
  }

  layers(): Set<string> {
    return this.#uses.all();
  }

  heldLayers(): Iterable<string> {
    return this.#uses.held();
  }

  layerUses(layer: string): number {
    return this.#uses.ofImages(layer);
  }

  add(added: NewImage): AddedImage {
    const { configuration, manifests = [], references = [], parent = "" } = added;
    const id = `sha256:${createHash("sha256").update(configuration).digest("hex")}`;
    const known = this.#images.get(id);
    const image = known === undefined ? this.#sized(configuration, id, parent) : this.#decoded(known);
    const addedMs = nowMs();
    const tagged = references.some((reference) => !isDigest(reference) && this.#ids.get(reference) !== id);
    const taggedMs = tagged ? addedMs : (known?.taggedMs ?? 0);
    this.#durably(`image ${id}`, () => {
      this.#uses.fasten(image.chain);
      this.#database.run(
        `INSERT INTO image VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET tagged_ms = excluded.tagged_ms`,
        [id, configuration, image.chain.join(" "), image.size, addedMs, taggedMs, image.parent],
      );
      for (const { digest, mediaType, content } of manifests) {
        this.#database.run("INSERT OR REPLACE INTO image_manifest VALUES (?, ?, ?, ?)", [
          digest,
          id,
          mediaType,
          content,
        ]);
      }
      for (const reference of references) this.#storeReference(reference, id);
    });
    if (known === undefined) {
      const { chain, size } = image;
      this.#remember({ id, chain, size, parent: image.parent, taggedMs, decoded: image });
    } else known.taggedMs = taggedMs;
    const displaced = references.flatMap((reference): Displaced[] => {
      const before = this.#point(reference, id);
      return before === undefined ? [] : [{ reference, id: before }];
    });
    return { image, displaced };
  }

  tag(id: string, reference: string): string | undefined {
    const taggedMs = nowMs();
    this.#durably(`tag ${reference}`, () => {
      this.#storeReference(reference, id);
      this.#database.run("UPDATE image SET tagged_ms = ? WHERE id = ?", [taggedMs, id]);
    });
    const stored = this.#images.get(id);
    if (stored !== undefined) stored.taggedMs = taggedMs;
    return this.#point(reference, id);
  }

  untag(reference: string): void {
    this.#durably(`tag ${reference}`, () => {
      this.#database.run("DELETE FROM image_reference WHERE reference = ?", [reference]);
    });
    this.#unpoint(reference);
  }

  remove(id: string): string[] {
    const stored = this.#images.get(id);
    if (stored === undefined) return [];
    this.#durably(`image ${id}`, () => {
      this.#uses.loosen(stored.chain);
      this.#database.run("DELETE FROM image_reference WHERE image_id = ?", [id]);
      this.#database.run("DELETE FROM image_manifest WHERE image_id = ?", [id]);
      this.#database.run("DELETE FROM image WHERE id = ?", [id]);
    });
    for (const reference of this.references(id)) this.#unpoint(reference);
    this.#images.delete(id);
    const siblings = this.#children.get(stored.parent);
    siblings?.delete(id);
    if (siblings?.size === 0) this.#children.delete(stored.parent);
    this.#uses.dropImage(stored.chain);
    return this.#uses.collect(stored.chain);
  }

  hold(): LayerHold {
    return this.#uses.hold();
  }

  released(chain: readonly string[]): void {
    if (chain.some((layer) => this.#uses.ofImages(layer) === 0)) this.#uses.collect(chain);
  }

  settle(): void {
    const loose = this.#layerUses.loose();
    if (loose.length > 0) this.#uses.collect(loose);
  }

  /** An image that is not stored yet: all its layers must be. */
  #sized(configuration: Uint8Array, id: string, parent: string): Image {
    const image = decodeConfiguration(configuration, { id, size: 0, parent });
    const missing = image.chain.find((layer) => !this.#layerStore.hasLayer(layer));
    if (missing !== undefined) {
      throw new TiffinError(
        "invalid",
        "image.layer-missing",
        `image ${id}: its layer sha256:${missing} is not there`,
      );
    }
    const size = image.chain.reduce((sum, layer) => sum + this.#layerStore.layerBytes(layer), 0);
    return { ...image, size };
  }

  #decoded(stored: StoredImage): Image {
    stored.decoded ??= decodeConfiguration(this.configuration(stored.id), stored);
    return stored.decoded;
  }

  #familiar(id: string, digests: boolean): string[] {
    return [...(this.#references.get(id) ?? [])]
      .filter((reference) => isDigest(reference) === digests)
      .map((reference) => familiarName(parseReference(reference)))
      .sort();
  }

  #remember(stored: StoredImage): void {
    this.#images.set(stored.id, stored);
    this.#layerUses.addImage(stored.chain);
    if (stored.parent === "") return;
    const siblings = this.#children.get(stored.parent);
    if (siblings === undefined) this.#children.set(stored.parent, new Set([stored.id]));
    else siblings.add(stored.id);
  }

  /** The image that the reference meant before, if that was another. */
  #point(reference: string, id: string): string | undefined {
    const before = this.#ids.get(reference);
    if (before === id) return undefined;
    if (before !== undefined) this.#unpoint(reference);
    this.#ids.set(reference, id);
    const references = this.#references.get(id);
    if (references === undefined) this.#references.set(id, new Set([reference]));
    else references.add(reference);
    return before;
  }

  #unpoint(reference: string): void {
    const id = this.#ids.get(reference);
    this.#ids.delete(reference);
    if (id === undefined) return;
    const references = this.#references.get(id);
    references?.delete(reference);
    if (references?.size === 0) this.#references.delete(id);
  }

  #storeReference(reference: string, id: string): void {
    this.#database.run("INSERT OR REPLACE INTO image_reference VALUES (?, ?)", [reference, id]);
  }

  /** One transaction that a power cut does not take back. */
  #durably(subject: string, work: () => void): void {
    this.#writes.write(subject, () => {
      this.#database.run("PRAGMA synchronous = FULL");
      try {
        this.#database.transaction(work).immediate();
      } finally {
        this.#database.run("PRAGMA synchronous = NORMAL");
      }
    });
  }

  #byName(reference: string): StoredImage | undefined {
    const direct = this.#ids.get(`docker.io/library/${reference}:latest`);
    const name = direct === undefined ? fullName(reference) : undefined;
    const id = direct ?? (name === undefined ? undefined : this.#ids.get(name));
    const image = id === undefined ? undefined : this.#images.get(id);
    if (image === undefined) return name === baseName ? this.#makeBase() : undefined;
    if (this.#ids.get(baseName) !== image.id) return image;
    // Somebody emptied the layer directory: the built-in image is made again, others are the caller's problem.
    const whole = image.chain.every((layer) => this.#layerStore.hasLayer(layer));
    return whole || !this.#isBuiltIn(image) ? image : this.#makeBase();
  }

  #isBuiltIn(image: StoredImage): boolean {
    return this.#decoded(image).history[0]?.created_by?.startsWith("tiffin: base") === true;
  }

  #byIdOrPrefix(reference: string): StoredImage | undefined {
    const hex = idPattern.exec(reference)?.[1];
    if (hex === undefined) return undefined;
    if (hex.length === idDigits) return this.#images.get(`sha256:${hex}`);
    const prefix = `sha256:${hex}`;
    const found = [...this.#images.values()].filter((image) => image.id.startsWith(prefix));
    return found.length === 1 ? found[0] : undefined;
  }

  #makeBase(): StoredImage | undefined {
    using hold = this.hold();
    const configuration = makeBaseImage(this.#layerStore, this.#busybox, (layer) => hold.keep(layer));
    return this.#images.get(this.add({ configuration, references: [baseName] }).image.id);
  }
}

function isDigest(reference: string): boolean {
  return reference.includes("@");
}

/** The stored form, or undefined for text that can only be an id. A digest says more than a tag beside it. */
function fullName(reference: string): string | undefined {
  if (idPattern.test(reference) && (reference.length === idDigits || reference.startsWith("sha256:"))) {
    return undefined;
  }
  const { tag, ...rest } = parseReference(reference);
  return normaliseReference(rest.digest === undefined && tag !== undefined ? { ...rest, tag } : rest);
}

/** What Docker shows in its error: the short form with a tag, or the id as it was given. */
function shownName(reference: string): string {
  const name = fullName(reference);
  return name === undefined ? reference : familiarName(parseReference(reference));
}
