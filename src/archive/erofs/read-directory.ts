/** Directories of an image that nobody vouches for: what is out of order is refused, as a kernel would not find it. */
import { decodeName } from "../../lib/name-text.ts";
import { blockBytes, directoryEntryBytes, type EntryTypeName, entryTypes, nameLimitBytes } from "./format.ts";
import { brokenImage, type ImageSource, viewOf, wideAt } from "./image-bytes.ts";
import { type ImageInode, readContent } from "./read-inode.ts";

export interface NamedInode {
  readonly name: string;
  readonly type: EntryTypeName;
  readonly number: number;
}

const typeNames: ReadonlyMap<number, EntryTypeName> = new Map([
  [entryTypes.file, "file"],
  [entryTypes.directory, "directory"],
  [entryTypes.character, "character"],
  [entryTypes.block, "block"],
  [entryTypes.fifo, "fifo"],
  [entryTypes.socket, "socket"],
  [entryTypes.symlink, "symlink"],
]);
const slash = 0x2f;

/** What is in `directory`, in order, without itself and its parent, which must be `parent`. */
export function* readDirectory(
  source: ImageSource,
  directory: ImageInode,
  parent: number,
): Generator<NamedInode> {
  const what = `directory ${directory.number}`;
  const own = new Map([
    [".", directory.number],
    ["..", parent],
  ]);
  let last: Uint8Array | undefined;
  for (const piece of readContent(source, directory)) {
    for (let at = 0; at < piece.length; at += blockBytes) {
      // The source may be read again before the next name is asked for.
      const block = piece.slice(at, at + blockBytes);
      for (const { bytes, type, number } of entriesOf(block, what)) {
        if (last !== undefined && Buffer.compare(last, bytes) >= 0)
          throw brokenImage(`the names in ${what} are not in order`);
        last = bytes;
        const name = decodeName(bytes);
        const wanted = own.get(name);
        if (wanted === undefined) {
          yield { name, type, number };
          continue;
        }
        own.delete(name);
        if (number !== wanted || type !== "directory")
          throw brokenImage(`${name} in ${what} is inode ${number}`);
      }
    }
  }
  if (own.size > 0) throw brokenImage(`${what} has no ${[...own.keys()].join(" and no ")}`);
}

interface RawEntry {
  readonly bytes: Uint8Array;
  readonly type: EntryTypeName;
  readonly number: number;
}

function* entriesOf(block: Uint8Array, what: string): Generator<RawEntry> {
  const broken = (problem: string): Error => brokenImage(`${what} has ${problem}`);
  if (block.length < directoryEntryBytes) throw broken("a block without entries");
  const view = viewOf(block);
  const namesAt = view.getUint16(8, true);
  if (namesAt % directoryEntryBytes !== 0 || namesAt === 0 || namesAt > block.length) {
    throw broken(`names at ${namesAt} of a block`);
  }
  for (let at = 0; at < namesAt; at += directoryEntryBytes) {
    const start = view.getUint16(at + 8, true);
    const isLast = at + directoryEntryBytes === namesAt;
    const end = isLast ? endOfNames(block, start) : view.getUint16(at + directoryEntryBytes + 8, true);
    if (start < namesAt || end <= start || end > block.length || end - start > nameLimitBytes) {
      throw broken(`a name from ${start} to ${end} of a block`);
    }
    const bytes = block.subarray(start, end);
    if (bytes.includes(0) || bytes.includes(slash)) throw broken("a name with a NUL or a slash");
    const type = typeNames.get(block[at + 10] ?? 0);
    if (type === undefined) throw broken(`an entry of type ${block[at + 10]}`);
    yield { bytes, type, number: wideAt(view, at, `an inode number in ${what}`) };
  }
}

function endOfNames(block: Uint8Array, start: number): number {
  const nul = block.indexOf(0, start);
  return nul === -1 ? block.length : nul;
}
