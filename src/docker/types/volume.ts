/** Volumes on the wire (Docker's API 1.50). */
import { anything, type Decoded, integer, list, mapOf, nullable, object, optional, text } from "../decode.ts";

export const volumeDocument = object({
  Name: text,
  Driver: text,
  Mountpoint: text,
  CreatedAt: optional(text),
  Labels: nullable(mapOf(text)),
  Options: nullable(mapOf(text)),
  Scope: text,
  /** What a plug-in says of its volume. */
  Status: optional(mapOf(anything)),
  /** Only where disk usage was asked for. */
  UsageData: optional(object({ Size: integer, RefCount: integer })),
});
export interface VolumeDocument extends Decoded<typeof volumeDocument> {}

export const volumeList = object({
  Volumes: list(volumeDocument),
  Warnings: nullable(list(text)),
});
export interface VolumeList extends Decoded<typeof volumeList> {}

export const volumeCreateBody = object({
  Name: optional(text),
  Driver: optional(text),
  DriverOpts: optional(nullable(mapOf(text))),
  Labels: optional(nullable(mapOf(text))),
});
export interface VolumeCreateBody extends Decoded<typeof volumeCreateBody> {}

export const volumePruneReport = object({
  VolumesDeleted: nullable(list(text)),
  SpaceReclaimed: integer,
});
export interface VolumePruneReport extends Decoded<typeof volumePruneReport> {}
