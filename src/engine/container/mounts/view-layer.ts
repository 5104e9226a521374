/** A layer of an image as a view is made of it. */
import type { ImageLayer } from "../../../kernel/root-view.ts";
import type { TreeLayer } from "../../../kernel/tree-view.ts";
import { type Lower, treeLayerOf } from "../../layer/mod.ts";

/** An attached mount is no layer in another mount namespace. */
export function viewLayerOf(lower: Lower): TreeLayer | ImageLayer {
  if (lower.kind !== "image" || lower.attached === undefined) return treeLayerOf(lower);
  return { image: lower.path, ...lower.attached };
}
