/** Layers of images and writable directories of containers. */
export { syncDirectory } from "./durable.ts";
export type {
  ContainerDirectory,
  KnownNames,
  LayerIngest,
  LayerStore,
  StoredLayer,
  Strangers,
} from "./layer-store.ts";
export { openOverlayLayerStore } from "./overlay-layer-store.ts";
export { isMissing, Trash } from "./trash.ts";
