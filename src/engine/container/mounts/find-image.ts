/** The image that a mount shows, found when the mount is decided, so that it stays the same one. */
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import type { ContainerContext } from "../context.ts";
import type { MountSpec } from "../specification/mod.ts";

/** The image of a mount, by its id from now on. Errors: `container.mount-image`. */
export function findMountImage(context: Pick<ContainerContext, "images">, mount: MountSpec): MountSpec {
  if (mount.kind !== "image" || mount.id !== undefined) return mount;
  try {
    const { id, chain } = context.images.resolve(mount.image);
    return { ...mount, id, chain };
  } catch (thrown) {
    throw new TiffinError(
      "invalid",
      "container.mount-image",
      `image mount at ${mount.target}: ${messageOf(thrown)}`,
      {
        cause: thrown,
        remedy: `pull it first: tiffin pull ${mount.image}`,
      },
    );
  }
}
