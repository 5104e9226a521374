/** Layers of images and writable directories of containers. */
export type { ContainerDirectory, LayerDraft, LayerSize, LayerStore } from "./layer-store.ts";
export { openOverlayLayerStore } from "./overlay-layer-store.ts";
