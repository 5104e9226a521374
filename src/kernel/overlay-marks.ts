/** How overlayfs notes in an upper or lower directory what is gone from the layers below. (Documentation/filesystems/overlayfs.rst) */
import type { FileStatus } from "./directory.ts";
import { readAttribute } from "./extended-attributes.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { setAttribute } from "./tree-writer.ts";

/**
 * Only the kernel's own: an overlay that keeps its notes in `user.` is told so at its mount, and ours never is. Else whoever
 * may write to a directory could change what we take for its content.
 */
const opaqueAttribute = "trusted.overlay.opaque";
const opaqueValue = 0x79;

/** The name of this entry is gone from here down. */
export function isWhiteout(status: FileStatus): boolean {
  return status.type === "character" && status.specialMajor === 0 && status.specialMinor === 0;
}

/** Nothing of this directory comes from the layers below. */
export function isOpaque(directory: OwnedFd): boolean {
  return readAttribute(directory, opaqueAttribute)?.[0] === opaqueValue;
}

/** Nothing of the layers below is seen from now on in the directory `name` below `parent`. */
export function makeOpaque(parent: OwnedFd, name: string): void {
  setAttribute(parent, name, opaqueAttribute, Uint8Array.of(opaqueValue));
}
