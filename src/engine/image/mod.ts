/** Images: references, the store, the built-in `base`. */

export { familiarName, normaliseReference, parseReference } from "../../docker/reference.ts";
export { saveArchive } from "./archive/save-archive.ts";
export {
  type Changing,
  changeConfig,
  changedConfig,
  changesConfig,
  cleanPath,
  jsonList,
  shellOf,
  withoutEmptyCommand,
} from "./config-changes.ts";
export type {
  AddedImage,
  Image,
  ImageConfig,
  ImageManifest,
  ImageStore,
  LayerHold,
  NewImage,
} from "./image.ts";
export { type ImageListOptions, ImageService, taggedReference } from "./image-service.ts";
export { openImageStore } from "./image-store.ts";
export { ingestLayer } from "./ingest-layer.ts";
export { imageInspect, imageSummary } from "./present.ts";
export { isSnapshot, snapshotMark } from "./snapshot-mark.ts";
export { pushOne } from "./transfer/push-image.ts";
export { credentialsFor } from "./transfer/registry-host.ts";
export { requirePlatform, wantedPlatform } from "./wanted-platform.ts";
