/** Images: references, the store, the built-in `base`. */

export { familiarName, normaliseReference, parseReference } from "../../docker/reference.ts";
export type {
  AddedImage,
  Image,
  ImageConfig,
  ImageManifest,
  ImageStore,
  LayerHold,
  NewImage,
} from "./image.ts";
export { type ImageListOptions, ImageService } from "./image-service.ts";
export { openImageStore } from "./image-store.ts";
export { imageInspect, imageSummary } from "./present.ts";
