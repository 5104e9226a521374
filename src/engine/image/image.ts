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
  /** RFC 3339. */
  readonly created: string;
  readonly author: string;
  /** How its layers came to be, oldest first. */
  readonly history: readonly OciHistory[];
  /** Sum of its layers' sizes, bytes. */
  readonly size: number;
}

export interface ImageStore {
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
  /** Ids of all layers that images need. */
  layers(): Set<string>;
}
