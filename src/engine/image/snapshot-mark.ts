/** Trees that steps of builds have come to are images that no list shows. Pure. */
import type { Image } from "./image.ts";

/** What its history says, and nothing else does. */
export const snapshotMark = "tiffin: step of a build";

export function isSnapshot({ history }: Pick<Image, "history">): boolean {
  return history[0]?.created_by === snapshotMark;
}
