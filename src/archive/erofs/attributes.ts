/** Extended attributes as they lie behind an inode. */
import { TiffinError } from "../../lib/errors.ts";
import { encodeName } from "../../lib/name-text.ts";
import type { TarEntryType } from "../tar/entry.ts";
import {
  attributeEntryBytes,
  attributePrefixes,
  attributesHeaderBytes,
  attributeValueLimitBytes,
  nameLimitBytes,
} from "./format.ts";

export type Attributes = ReadonlyMap<string, Uint8Array>;
export const noAttributes: Attributes = new Map();

/** Counted in an inode by four bytes of all but the header, in a field of sixteen bits. */
const limitTotalBytes = attributesHeaderBytes + 4 * (0xffff - 1);
const nothing = new Uint8Array(0);

/**
 * True for attributes that a layer may bring to an entry of this type, others are passed over: overlayfs's own would change what an
 * overlay shows, and some no kernel sets on everything. (xattr(7), "User extended attributes"; acl(5))
 */
export function isCarried(name: string, type: TarEntryType): boolean {
  if (name.startsWith("trusted.")) return !name.startsWith("trusted.overlay.");
  if (name.startsWith("user.")) return type === "file" || type === "directory";
  if (name === "system.posix_acl_access") return type !== "symlink";
  if (name === "system.posix_acl_default") return type === "directory";
  return name.startsWith("security.");
}

/** In order of their names, so that equal sets are equal bytes. Empty for none. Throws `archive.attributes`. */
export function encodeAttributes(attributes: Attributes): Uint8Array {
  if (attributes.size === 0) return nothing;
  const entries = [...attributes].sort(([a], [b]) => (a < b ? -1 : 1)).map(encodeEntry);
  const total = entries.reduce((sum, entry) => sum + entry.length, attributesHeaderBytes);
  if (total > limitTotalBytes) throw tooLarge(`extended attributes of ${total} bytes`, limitTotalBytes);
  const bytes = new Uint8Array(total);
  let at = attributesHeaderBytes;
  for (const entry of entries) {
    bytes.set(entry, at);
    at += entry.length;
  }
  return bytes;
}

/** What `i_xattr_icount` says about so many bytes. */
export function attributeUnits(bytes: number): number {
  return bytes === 0 ? 0 : (bytes - attributesHeaderBytes) / 4 + 1;
}

function encodeEntry([name, value]: readonly [string, Uint8Array]): Uint8Array {
  const prefix = attributePrefixes.find(([text]) => name.startsWith(text));
  if (prefix === undefined) throw new Error(`attribute ${name} has no prefix that EROFS knows`);
  const rest = encodeName(name.slice(prefix[0].length));
  if (rest.length > nameLimitBytes) throw tooLarge(`the name of an extended attribute`, nameLimitBytes);
  if (value.length > attributeValueLimitBytes) {
    throw tooLarge(`extended attribute ${name} of ${value.length} bytes`, attributeValueLimitBytes);
  }
  const bytes = new Uint8Array(Math.ceil((attributeEntryBytes + rest.length + value.length) / 4) * 4);
  bytes[0] = rest.length;
  bytes[1] = prefix[1];
  bytes[2] = value.length & 0xff;
  bytes[3] = value.length >>> 8;
  bytes.set(rest, attributeEntryBytes);
  bytes.set(value, attributeEntryBytes + rest.length);
  return bytes;
}

function tooLarge(what: string, limit: number): TiffinError {
  return new TiffinError("invalid", "archive.attributes", `${what}, at most ${limit} bytes are possible`);
}
