/** Trees that steps of builds have come to are images that no list shows. Pure. */
import type { Image } from "./image.ts";

/** All that its history says. What is made of one, a failed step that is kept say, has more, and an image of that history that has a name is none. */
export const snapshotMark = "tiffin: step of a build";

export function isSnapshot({ history }: Pick<Image, "history">): boolean {
  return history.length === 1 && history[0]?.created_by === snapshotMark;
}
