/**
 * The extended attributes that are content and leave with a file: what a program may do beyond its user, access lists, and
 * what programs and root have noted. Labels of security modules are the host's, and overlayfs's notes say how layers lie.
 */
import { attributeNames, readAttribute } from "../../kernel/extended-attributes.ts";
import type { TreeNode } from "./tree-node.ts";

export type Attributes = ReadonlyMap<string, Uint8Array>;
export const noAttributes: Attributes = new Map();

const capability = "security.capability";
const accessLists = ["system.posix_acl_access", "system.posix_acl_default"];

export function isContent(name: string): boolean {
  if (name === capability || accessLists.includes(name)) return true;
  return /^(user|trusted)\./.test(name) && !name.startsWith("trusted.overlay.");
}

/** Those of `node` whose names `wanted` takes, with ids relative to `firstHostId`. */
export function keptAttributes(
  node: TreeNode,
  firstHostId: number,
  wanted: (name: string) => boolean = isContent,
): Attributes {
  // A symbolic link can have none of them but `trusted.` ones, which nothing sets there.
  if (node.status.type === "symlink") return noAttributes;
  const names = attributeNames(node.fd).filter(wanted);
  if (names.length === 0) return noAttributes;
  const kept = new Map<string, Uint8Array>();
  for (const name of names.sort()) {
    const value = readAttribute(node.fd, name);
    if (value === undefined) continue;
    if (name === capability) kept.set(name, withoutRoot(value));
    else kept.set(name, accessLists.includes(name) ? relativeList(value, firstHostId) : value);
  }
  return kept;
}

const capabilityMagicAt = 3;
const revision2 = 2;
const revision3 = 3;
const revision2Bytes = 20;

/** Revision 3 names the root of the user namespace that it counts in, which means nothing elsewhere. capabilities(7) */
function withoutRoot(value: Uint8Array): Uint8Array {
  if (value[capabilityMagicAt] !== revision3 || value.length < revision2Bytes) return value;
  const plain = value.slice(0, revision2Bytes);
  plain[capabilityMagicAt] = revision2;
  return plain;
}

const listHeaderBytes = 4;
const listEntryBytes = 8;
/** ACL_USER and ACL_GROUP: the entries that name somebody. */
const namingTags: ReadonlySet<number> = new Set([0x02, 0x08]);

/** An access list: a version, then entries of u16 tag, u16 permissions and u32 id. acl(5), linux/posix_acl_xattr.h */
function relativeList(value: Uint8Array, firstHostId: number): Uint8Array {
  if (firstHostId === 0) return value;
  const list = value.slice();
  const view = new DataView(list.buffer);
  for (let at = listHeaderBytes; at + listEntryBytes <= list.length; at += listEntryBytes) {
    if (!namingTags.has(view.getUint16(at, true))) continue;
    view.setUint32(at + 4, relativeId(view.getUint32(at + 4, true), firstHostId), true);
  }
  return list;
}

/** The id as the container sees it. One from outside of its range is root, as an archive has no word for nobody. */
export function relativeId(id: number, firstHostId: number): number {
  return Math.max(0, id - firstHostId);
}
