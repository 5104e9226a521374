/** Disk usage on the wire (Docker's API 1.50). */
import { anything, type Decoded, integer, list, nullable, object } from "../decode.ts";
import { containerSummary } from "./container.ts";
import { imageSummary } from "./image.ts";
import { volumeDocument } from "./volume.ts";

export const diskUsage = object({
  /** Bytes of all layers of images, each once. */
  LayersSize: integer,
  /** Null for a kind that was not asked for. */
  Images: nullable(list(imageSummary)),
  Containers: nullable(list(containerSummary)),
  Volumes: nullable(list(volumeDocument)),
  BuildCache: nullable(list(anything)),
  BuilderSize: integer,
});
export interface DiskUsage extends Decoded<typeof diskUsage> {}
