/** What new layers are kept as, chosen from what the kernel and the place can. */
import type { ImageMountWay } from "../../kernel/image-mount.ts";
import type { HostFacts } from "../../linux/host-facts.ts";

export type LayerForm =
  | {
      readonly kind: "image";
      readonly way: ImageMountWay;
      /** Overlayfs takes no mount that is attached nowhere: images are attached in a mount namespace that only this engine has. */
      readonly attached: boolean;
    }
  /** A tree of files, which every kernel can join into an overlay. */
  | { readonly kind: "directory" };

/** TMPFS_MAGIC and OVERLAYFS_SUPER_MAGIC: their files have no pages of the kind that a file system could be read from. */
const unmountable: ReadonlySet<number> = new Set([0x0102_1994, 0x794c_7630]);

/** `fileSystem` is the magic number of the one that keeps the layers. statfs(2) */
export function decideLayerForm({ features, identity }: HostFacts, fileSystem: number): LayerForm {
  // File systems of images are mounted with the host's rights only.
  if (!features.erofs || identity.inUserNamespace) return { kind: "directory" };
  const attached = !features.overlayDetachedLowers;
  if (features.erofsFromFiles && !unmountable.has(fileSystem))
    return { kind: "image", way: "file", attached };
  return features.loopDevices ? { kind: "image", way: "loop", attached } : { kind: "directory" };
}
