/** What new layers are kept as, chosen from what the kernel can. */
import type { ImageMountWay } from "../../kernel/image-mount.ts";
import type { HostFacts } from "../../linux/host-facts.ts";

export type LayerForm =
  | { readonly kind: "image"; readonly way: ImageMountWay }
  /** A tree of files, which every kernel can join into an overlay. */
  | { readonly kind: "directory" };

export function decideLayerForm({ features, identity }: HostFacts): LayerForm {
  const joins = features.overlayDetachedLowers && features.overlayLowerdirAdd;
  // File systems of images are mounted with the host's rights only.
  if (!features.erofs || !joins || identity.inUserNamespace) return { kind: "directory" };
  if (features.erofsFromFiles) return { kind: "image", way: "file" };
  return features.loopDevices ? { kind: "image", way: "loop" } : { kind: "directory" };
}
