/** Images: references, the store, the built-in `base`. */

export { familiarName, normaliseReference, parseReference } from "../../docker/reference.ts";
export type { Image, ImageConfig, ImageStore } from "./image.ts";
export { openImageStore } from "./image-store.ts";
export { imageInspect, imageSummary } from "./present.ts";
