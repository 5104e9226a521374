/** Whether an entry of a container's changes says anything that is not so below. Contents are not read. */
import { Buffer } from "node:buffer";
import { isContent, keptAttributes, noAttributes, relativeId } from "./kept-attributes.ts";
import type { TreeNode } from "./tree-node.ts";

/** But for its times, which say only that something in it was made or removed. `below` has the ids of the image. */
export function sameDirectory(node: TreeNode, below: TreeNode, firstHostId: number): boolean {
  return sameOwner(node, below, firstHostId) && sameAttributes(node, below, firstHostId);
}

/** A file whose content was changed has another time. */
export function sameFile(node: TreeNode, below: TreeNode, firstHostId: number): boolean {
  const [a, b] = [node.status, below.status];
  return (
    sameOwner(node, below, firstHostId) &&
    a.sizeBytes === b.sizeBytes &&
    a.modifiedAtNs === b.modifiedAtNs &&
    a.specialMajor === b.specialMajor &&
    a.specialMinor === b.specialMinor &&
    sameAttributes(node, below, firstHostId)
  );
}

function sameOwner(node: TreeNode, below: TreeNode, firstHostId: number): boolean {
  const [a, b] = [node.status, below.status];
  return (
    a.type === b.type &&
    a.mode === b.mode &&
    relativeId(a.uid, firstHostId) === b.uid &&
    relativeId(a.gid, firstHostId) === b.gid
  );
}

function sameAttributes(node: TreeNode, below: TreeNode, firstHostId: number): boolean {
  const a = keptAttributes(node, firstHostId, isContent);
  const b = keptAttributes(below, 0, isContent);
  if (a === noAttributes && b === noAttributes) return true;
  if (a.size !== b.size) return false;
  return [...a].every(([name, value]) => {
    const other = b.get(name);
    return other !== undefined && Buffer.compare(value, other) === 0;
  });
}
