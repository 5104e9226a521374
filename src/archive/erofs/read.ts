/**
 * Reads an EROFS image without mounting it, as the entries of an archive, and believes nothing that it says: every place is
 * looked up inside of the file, a directory is entered once and from its parent only, types and names must be what they can be.
 * Memory depends on the depth of the tree and on the number of directories and hard links. What is refused is `archive.bad-image`.
 */
import type { TarEntry, TarEntryType } from "../tar/entry.ts";
import type { EntryTypeName } from "./format.ts";
import { brokenImage, type ImageSource } from "./image-bytes.ts";
import { type NamedInode, readDirectory } from "./read-directory.ts";
import { type ImageInode, readAttributes, readContent, readInode, readTarget } from "./read-inode.ts";
import { readSuperblock } from "./read-superblock.ts";

/** Sockets have no place in an archive; they are passed over, as by tar programs. */
export interface ImageEntry {
  /** Paths have no slash at their ends; that of the top is `.`. */
  readonly entry: TarEntry;
  /** Pieces of a file's content, each valid until the next. To be read before the next entry is asked for, or not at all. */
  readonly content: Iterable<Uint8Array>;
}

export interface ReadImageOptions {
  /** Small images can show the same names over and over. */
  readonly limitEntries?: number;
  readonly limitDepth?: number;
}

const defaultLimitEntries = 16_000_000;
const defaultLimitDepth = 4096;

const tarTypes: Readonly<Record<Exclude<EntryTypeName, "socket">, TarEntryType>> = {
  file: "file",
  directory: "directory",
  character: "character",
  block: "block",
  fifo: "fifo",
  symlink: "symlink",
};

interface Level {
  readonly path: string;
  readonly inode: ImageInode;
  readonly names: Generator<NamedInode>;
}

/** Every entry below its directory, names in the order of their bytes; of hard links the first is the file. */
export function* readImage(source: ImageSource, options: ReadImageOptions = {}): Generator<ImageEntry> {
  const head = readSuperblock(source);
  const { limitEntries = defaultLimitEntries, limitDepth = defaultLimitDepth } = options;
  const inodeOf = (number: number): ImageInode => readInode(source, head, number);
  const entered = new Set<number>();
  const linked = new Map<number, string>();
  const levels: Level[] = [];
  let entries = 0;
  const enter = (path: string, inode: ImageInode, parent: number): void => {
    if (entered.has(inode.number)) throw brokenImage(`directory ${inode.number} is in it more than once`);
    if (levels.length >= limitDepth) throw brokenImage(`it is more than ${limitDepth} directories deep`);
    entered.add(inode.number);
    levels.push({ path, inode, names: readDirectory(source, inode, parent) });
  };
  const describe = (path: string, inode: ImageInode, type: TarEntryType, linkTarget: string): ImageEntry => ({
    entry: {
      type,
      path,
      mode: inode.permissions,
      uid: inode.uid,
      gid: inode.gid,
      sizeBytes: type === "file" ? inode.sizeBytes : 0,
      modifiedAtNs: inode.modifiedAtNs,
      linkTarget,
      deviceMajor: inode.device.major,
      deviceMinor: inode.device.minor,
      attributes: type === "hardLink" ? new Map() : readAttributes(source, head, inode),
    },
    content: type === "file" ? readContent(source, inode) : [],
  });

  const root = inodeOf(head.rootNumber);
  if (root.type !== "directory") throw brokenImage("its root is no directory");
  enter("", root, root.number);
  yield describe(".", root, "directory", "");
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const next = level.names.next();
    if (next.done === true) {
      levels.pop();
      continue;
    }
    entries += 1;
    if (entries > limitEntries) throw brokenImage(`it has more than ${limitEntries} entries`);
    const { name, number, type } = next.value;
    const path = level.path === "" ? name : `${level.path}/${name}`;
    const inode = inodeOf(number);
    if (inode.type !== type) throw brokenImage(`inode ${number} is a ${inode.type} and called a ${type}`);
    if (type === "socket") continue;
    const first = linked.get(number);
    if (first !== undefined) {
      yield describe(path, inode, "hardLink", first);
      continue;
    }
    if (type === "directory") enter(path, inode, level.inode.number);
    else if (inode.links > 1) linked.set(number, path);
    yield describe(path, inode, tarTypes[type], type === "symlink" ? readTarget(source, inode) : "");
  }
}
