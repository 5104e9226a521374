/** Layers of images and writable directories of containers. */
export { syncDirectory } from "./durable.ts";
export { decideLayerForm, type LayerForm } from "./layer-form.ts";
export type {
  ContainerDirectory,
  LayerCheck,
  LayerIngest,
  LayerStore,
  LayerTar,
  Lower,
  StoredLayer,
} from "./layer-store.ts";
export { closeLowers } from "./layer-store.ts";
export { openOverlayLayerStore } from "./overlay-layer-store.ts";
export { openRootLayers, type RootLayers, treeLayerOf } from "./root-layers.ts";
export { isMissing, Trash } from "./trash.ts";
export { treeBytes } from "./tree-size.ts";
