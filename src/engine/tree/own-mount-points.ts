/**
 * What a start makes in a container's files so that it can mount there: Docker's are in a layer of their own that nobody is
 * shown. They are no change of the container's as long as nothing is in them.
 */
import type { TreeNode } from "./tree-node.ts";

const directories: ReadonlySet<string> = new Set(["dev", "etc", "proc", "sys"]);
const files: ReadonlySet<string> = new Set(["etc/hostname", "etc/hosts", "etc/resolv.conf"]);

/** Whether the engine made `node`, of which the image has nothing. What a directory holds is for the caller to look at. */
export function isOwnMountPoint(path: string, { status }: TreeNode): boolean {
  if (status.type === "directory") return directories.has(path);
  return status.type === "file" && status.sizeBytes === 0 && files.has(path);
}
