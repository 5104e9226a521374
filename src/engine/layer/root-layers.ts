/** The layers of a container's root, for those who read it while it is mounted nowhere. */
import type { TreeLayer } from "../../kernel/tree-view.ts";
import { closeLowers, type LayerStore, type Lower } from "./layer-store.ts";

/** Open layers, uppermost first, as a `TreeView` takes them. */
export interface RootLayers extends Disposable {
  readonly layers: readonly TreeLayer[];
}

/** What the container has changed, over the layers of its image. Throws `notFound` when a layer is missing. */
export function openRootLayers(store: LayerStore, containerId: string, chain: readonly string[]): RootLayers {
  const lowers = store.openLowers(chain);
  return {
    layers: [store.containerDirectory(containerId).upper, ...lowers.map(treeLayerOf)],
    [Symbol.dispose]: () => closeLowers(lowers),
  };
}

export function treeLayerOf(lower: Lower): TreeLayer {
  return lower.kind === "image" ? lower.mount : lower.path;
}
