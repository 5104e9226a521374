/** What an image is to the engine: a chain of layers and a configuration, immutable, named by its content. */
import type { OciHistory, OciImageDefaults } from "../../oci/mod.ts";

/** The part of an image's configuration that becomes the default of a container. */
export type ImageConfig = OciImageDefaults;

export interface Image {
  /** `sha256:` and 64 hex digits: the digest of the configuration document. */
  readonly id: string;
  /** Layer ids (64 hex digits), lowest first. */
  readonly chain: readonly string[];
  readonly config: ImageConfig;
  readonly architecture: string;
  readonly os: string;
  /** Of the architecture, `v8` say; empty for none. */
  readonly variant: string;
  /** Of the operating system; empty for none. */
  readonly osVersion: string;
  /** RFC 3339. */
  readonly created: string;
  readonly author: string;
  /** How its layers came to be, oldest first. */
  readonly history: readonly OciHistory[];
  /** Sum of its layers' sizes, bytes. */
  readonly size: number;
  /** Id of the image that it was made from on this host; empty for none. */
  readonly parent: string;
}

/** A document that a registry gave, or would give, for an image: what repository digests are digests of. */
export interface ImageManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly content: Uint8Array;
}

export interface NewImage {
  /** The OCI document, byte for byte; its digest becomes the id. */
  readonly configuration: Uint8Array;
  readonly parent?: string;
  readonly manifests?: readonly ImageManifest[];
  /** Full references (`docker.io/library/base:latest`, `...@sha256:...`) that are to mean this image from now on. */
  readonly references?: readonly string[];
}

/** A reference that meant another image before. */
export interface Displaced {
  readonly reference: string;
  readonly id: string;
}

export interface AddedImage {
  readonly image: Image;
  readonly displaced: readonly Displaced[];
}

/** Layers of work under way: they stay as long as it is not disposed. Those that no image needs by then go. */
export interface LayerHold extends Disposable {
  keep(layer: string): void;
}

export interface ImageStore {
  readonly size: number;
  /**
   * The image that a user means: `name[:tag][@digest]`, an id (with or without `sha256:`) or an unambiguous
   * prefix of one. `base` is made on its first use. Throws `notFound` with Docker's words `No such image: ...`,
   * or `invalid` for something that is no reference.
   */
  resolve(reference: string): Image;
  /** Like `resolve` by full id only, for containers that hold one; undefined when it is gone. */
  byId(id: string): Image | undefined;
  /** All images, newest first. */
  list(): Image[];
  /** Names of an image as Docker shows them, `base:latest`. */
  tags(id: string): string[];
  /** Trees of builds' steps, which no list shows. */
  snapshots(): Image[];
  /** Names by digest as Docker shows them, `base@sha256:...`. */
  digests(id: string): string[];
  /** Full references to the image, sorted. */
  references(id: string): string[];
  /** What a full reference means. */
  idOf(reference: string): string | undefined;
  /** Full references by tag in a repository (`docker.io/library/base`), sorted. */
  tagsOf(repository: string): string[];
  /** Ids of the images that were made from this one. */
  children(id: string): string[];
  /** When a tag was given to it last, milliseconds; 0 for never. */
  taggedMs(id: string): number;
  /** The document whose digest is the id. */
  configuration(id: string): Uint8Array;
  manifests(id: string): ImageManifest[];

  /** Ids of all layers that images need. */
  layers(): Set<string>;
  /** Of those that work under way needs. */
  heldLayers(): Iterable<string>;
  /** How many images need the layer. */
  layerUses(layer: string): number;

  /** Stores an image whose layers are there; one that is known already gets what is new. Errors: `image.layer-missing`. */
  add(image: NewImage): AddedImage;
  /** Lets a full reference mean this image; the image that it meant before, if that was another. */
  tag(id: string, reference: string): string | undefined;
  untag(reference: string): void;
  /** Takes the image away with all references, and the layers that nobody else needs; those are returned. */
  remove(id: string): string[];

  hold(): LayerHold;
  /** A container has gone: what it alone needed goes too. */
  released(chain: readonly string[]): void;
  /** At a start, when the containers are known: takes away the layers that were left by work that was cut short. */
  settle(): void;
}
