/** Images on the wire (Docker's API 1.50). */
import {
  type Decoded,
  type Decoder,
  integer,
  list,
  mapOf,
  nullable,
  type ObjectOf,
  object,
  oneOf,
  optional,
  text,
  type WithNulls,
} from "../decode.ts";
import { type ContainerConfig, containerConfig } from "./container-config.ts";

export const imageSummary = object({
  /** `sha256:<hex>` */
  Id: text,
  ParentId: text,
  RepoTags: list(text),
  RepoDigests: list(text),
  /** Unix seconds. */
  Created: integer,
  /** Bytes of all layers. */
  Size: integer,
  /** -1 when not computed. */
  SharedSize: integer,
  Labels: nullable(mapOf(text)),
  /** -1 when not computed. */
  Containers: integer,
});
export interface ImageSummary extends Decoded<typeof imageSummary> {}

const imageInspectShape = {
  Id: text,
  RepoTags: list(text),
  RepoDigests: list(text),
  Parent: text,
  Comment: text,
  Created: optional(text),
  DockerVersion: text,
  Author: text,
  Architecture: text,
  Variant: optional(text),
  Os: text,
  OsVersion: optional(text),
  Size: integer,
  GraphDriver: object({ Name: text, Data: nullable(mapOf(text)) }),
  RootFS: object({ Type: text, Layers: optional(list(text)) }),
  Metadata: object({ LastTagTime: optional(text) }),
  Config: optional(containerConfig),
} as const;
export interface ImageInspect extends Omit<ObjectOf<typeof imageInspectShape>, "Config"> {
  readonly Config?: WithNulls<ContainerConfig> | undefined;
}
export const imageInspect: Decoder<ImageInspect> = object(imageInspectShape);

/** The image that was made of a container. */
export const commitResponse = object({ Id: text });
export interface CommitResponse extends Decoded<typeof commitResponse> {}

export const imageHistoryItem = object({
  /** `<missing>` where no image of this host is meant. */
  Id: text,
  /** Unix seconds. */
  Created: integer,
  CreatedBy: text,
  Tags: nullable(list(text)),
  Size: integer,
  Comment: text,
});
export interface ImageHistoryItem extends Decoded<typeof imageHistoryItem> {}

/** One thing that a removal did. */
export const imageDeleteItem = object({
  Untagged: optional(text),
  /** An image, or a layer by the digest of its chain. */
  Deleted: optional(text),
});
export interface ImageDeleteItem extends Decoded<typeof imageDeleteItem> {}

/** `GET /tiffin/images/check`: a layer, and the images that are made of it. */
export const imageCheckItem = object({
  Layer: text,
  Images: list(text),
  /** Unknown: nothing was kept that it could be compared with. */
  Result: oneOf("good", "damaged", "unknown"),
  /** What was found where, of a damaged one. */
  Problem: text,
});
export interface ImageCheckItem extends Decoded<typeof imageCheckItem> {}

export const imagePruneReport = object({
  ImagesDeleted: nullable(list(imageDeleteItem)),
  SpaceReclaimed: integer,
});
export interface ImagePruneReport extends Decoded<typeof imagePruneReport> {}
