/**
 * The tar form of a tree of our own making (POSIX ustar, owner root): what a layer's id is the digest of. It is a
 * stream of chunks; nothing here reads or writes a file.
 */
import type { TreeEntry } from "./base-tree.ts";

const blockBytes = 512;
const nameLimitBytes = 100;
const typeFlags = { file: "0", symlink: "2", directory: "5" } as const;
const linkMode = 0o777;

const encoder = new TextEncoder();

/** The archive's bytes in order; `mtimeSeconds` is every entry's modification time. */
export function* tarOf(entries: readonly TreeEntry[], mtimeSeconds: number): Generator<Uint8Array> {
  for (const entry of entries) {
    yield header(entry, mtimeSeconds);
    if (entry.kind !== "file" || entry.content.length === 0) continue;
    yield entry.content;
    const over = entry.content.length % blockBytes;
    if (over > 0) yield new Uint8Array(blockBytes - over);
  }
  yield new Uint8Array(2 * blockBytes);
}

function header(entry: TreeEntry, mtimeSeconds: number): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const put = (at: number, text: string): void => {
    block.set(encoder.encode(text), at);
  };
  const octal = (at: number, digits: number, value: number): void => {
    put(at, `${value.toString(8).padStart(digits, "0")}\0`);
  };
  const name = entry.kind === "directory" ? `${entry.path}/` : entry.path;
  const target = entry.kind === "symlink" ? entry.target : "";
  for (const text of [name, target]) {
    if (encoder.encode(text).length > nameLimitBytes) {
      throw new RangeError(`${JSON.stringify(text)} is longer than ${nameLimitBytes} bytes`);
    }
  }
  put(0, name);
  octal(100, 7, entry.kind === "symlink" ? linkMode : entry.mode);
  octal(108, 7, 0);
  octal(116, 7, 0);
  octal(124, 11, entry.kind === "file" ? entry.content.length : 0);
  octal(136, 11, mtimeSeconds);
  put(148, " ".repeat(8));
  put(156, typeFlags[entry.kind]);
  put(157, target);
  put(257, "ustar\u000000");
  put(265, "root");
  put(297, "root");
  octal(329, 7, 0);
  octal(337, 7, 0);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}
