/**
 * Makes an EROFS image of a layer from the entries of its tar as they come, in one pass: content goes to the end of the image at
 * once, the inode of what is no directory as soon as its entry has ended, directories at the finish. Memory depends on the number
 * and the names of the entries and on nothing else. Equal entries give equal images, however the bytes were cut into pieces.
 *
 *   block 0: superblock, inode of the root | content and inodes as they came | directories | their inodes
 *
 * Entries mean what they mean to `engine/tree`, with the whiteouts of image layers: they speak of lower layers only, so what
 * the layer itself has under such a name stays, wherever in the archive it stands, and a directory of that name is opaque.
 */
import { encodeName } from "../../lib/name-text.ts";
import { escapes, insidePath } from "../inside-path.ts";
import { countedBytes, type TarEntry } from "../tar/entry.ts";
import type { TarSink } from "../tar/read.ts";
import { type Attributes, encodeAttributes, isCarried, noAttributes } from "./attributes.ts";
import { BlockOutput } from "./block-output.ts";
import { finishDirectories } from "./directory-output.ts";
import type { DirectoryFields } from "./directory-table.ts";
import { extendedMark, noEntry, rootEntry, whiteoutMark } from "./entry-table.ts";
import { FileContent } from "./file-content.ts";
import {
  blockBytes,
  dataLayouts,
  deviceLimits,
  encodeDevice,
  entryTypes,
  modeTypes,
  pathLimitBytes,
} from "./format.ts";
import {
  encodeInode,
  type InodeFields,
  type InodeTime,
  inodeBytes,
  inodeTime,
  isExtended,
  linksAt,
} from "./inode.ts";
import { LayerTree } from "./layer-tree.ts";
import { MetadataBlocks } from "./metadata-blocks.ts";
import { refused } from "./refused.ts";
import type { ImageSink } from "./sink.ts";

const whiteoutPrefix = ".wh.";
const whiteoutMode = 0o600;
const opaqueWhiteout = ".wh..wh..opq";
/** With more than this in its last block a file has that block for itself: the kernel keeps what is inline in memory twice. */
const inlineLimitBytes = 2048;
/** As many as ext4 takes; a compact inode has room for them. */
const limitLinks = 65_000;
const defaultLimitEntries = 16_000_000;
const startOfTime: InodeTime = { seconds: 0, nanoseconds: 0 };

export interface ErofsWriterOptions {
  /** What the hash of names begins with; any number that an archive's author cannot know. The image does not depend on it. */
  readonly hashSeed: number;
  readonly limitEntries?: number;
}

export interface ErofsImage {
  readonly imageBytes: number;
  /** What the top directory says: an overlay shows that of its upper directory instead. */
  readonly top: { readonly mode: number; readonly uid: number; readonly gid: number };
  readonly inodes: number;
}

/** A file whose content is coming in. */
interface OpenFile {
  readonly tarEntry: TarEntry;
  readonly entry: number;
}

type SpecialType = "character" | "block" | "fifo";

export class ErofsWriter implements TarSink {
  readonly #tree: LayerTree;
  readonly #output: BlockOutput;
  readonly #metadata: MetadataBlocks;
  readonly #content: FileContent;
  readonly #sink: ImageSink;
  /** Here an inode is put together with what follows it. */
  readonly #record = new Uint8Array(blockBytes);
  readonly #recordView = new DataView(this.#record.buffer);
  readonly #tail = new Uint8Array(inlineLimitBytes);
  /** Place of an inode with several names -> how many it has had. */
  readonly #linked = new Map<number, { count: number; readonly extended: boolean }>();
  #epoch: InodeTime | undefined;
  #serial = 0;
  #open: OpenFile | undefined;
  /** Sum of the lengths of all files and symbolic links so far. */
  fileBytes = 0;

  constructor(sink: ImageSink, options: ErofsWriterOptions) {
    this.#sink = sink;
    this.#tree = new LayerTree({ limitEntries: defaultLimitEntries, ...options });
    this.#output = new BlockOutput(sink);
    this.#metadata = new MetadataBlocks(this.#output);
    this.#content = new FileContent(this.#output);
    this.#output.write(new Uint8Array(blockBytes));
  }

  entry(entry: TarEntry): void {
    const path = insidePath(entry.path);
    const time = inodeTime(entry.modifiedAtNs);
    this.#epoch ??= time;
    if (path === "") {
      if (entry.type !== "directory") throw escapes(entry.path);
      this.#changeDirectory(rootEntry, entry, time);
      return;
    }
    this.fileBytes += countedBytes(entry);
    const nameAt = path.lastIndexOf("/") + 1;
    if (path.startsWith(whiteoutPrefix, nameAt)) this.#takeAway(path, nameAt, time);
    else this.#make(entry, path, time);
  }

  content(piece: Uint8Array): void {
    // What a whiteout holds means nothing.
    if (this.#open !== undefined) this.#content.push(piece);
  }

  hole(bytes: number): void {
    if (this.#open !== undefined) this.#content.hole(bytes);
  }

  endOfEntry(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    this.#content.end();
    const { tarEntry, entry } = open;
    const attributes = this.#attributesOf(tarEntry);
    const sizeBytes = this.#content.sizeBytes;
    const mode = modeTypes.file | tarEntry.mode;
    const chunks = this.#content.chunkList;
    if (chunks === undefined) {
      this.#endPlainFile(entry, tarEntry, mode, attributes, sizeBytes);
      return;
    }
    this.#output.pad();
    const list = new Uint8Array(chunks.addresses.length * 4);
    const view = new DataView(list.buffer);
    for (const [index, address] of chunks.addresses.entries()) view.setUint32(index * 4, address, true);
    const fields = { layout: dataLayouts.chunked, mode, sizeBytes, where: chunks.form };
    this.#placeInode(entry, tarEntry, fields, attributes, list);
  }

  /** There are no more entries. Nothing may be called after this. */
  finish(): ErofsImage {
    this.#metadata.close();
    const { inodes, links } = finishDirectories({
      tree: this.#tree,
      output: this.#output,
      sink: this.#sink,
      epoch: this.#epoch ?? startOfTime,
      serial: this.#serial,
      offsetOf: (place) => this.#metadata.offsetOf(place),
      isLinked: (place) => this.#linked.has(place),
    });
    const count = new Uint8Array(4);
    for (const [place, names] of links) {
      const extended = this.#linked.get(place)?.extended === true;
      new DataView(count.buffer).setUint32(0, names, true);
      const at = this.#metadata.offsetOf(place) + linksAt(extended);
      this.#sink.patch(at, count.subarray(0, extended ? 4 : 2));
    }
    const { mode, uid, gid } = this.#tree.directories.fieldsOf(0);
    return { imageBytes: this.#output.totalBytes, top: { mode, uid, gid }, inodes };
  }

  /** The mark of an image's layer, in overlayfs's words. (OCI image specification, layer.md, "Whiteouts") */
  #takeAway(path: string, nameAt: number, time: InodeTime): void {
    if (path.length === nameAt + opaqueWhiteout.length && path.endsWith(opaqueWhiteout)) {
      this.#tree.locate(path, time);
      this.#tree.makeOpaque(this.#tree.parent);
      return;
    }
    const gone = path.slice(nameAt + whiteoutPrefix.length);
    // Further names of this kind are notes of an old storage driver.
    if (gone === "" || gone.startsWith(whiteoutPrefix)) return;
    if (gone === "." || gone === "..") throw escapes(path);
    const there = this.#tree.locate(path.slice(0, nameAt) + gone, time);
    if (there !== noEntry) {
      if (this.#tree.entries.typeOf(there) === entryTypes.directory) this.#tree.makeOpaque(there);
      return;
    }
    const entry = this.#tree.add(entryTypes.character | whiteoutMark, 0);
    const mode = modeTypes.character | whiteoutMode;
    const fields = { layout: dataLayouts.plain, mode, uid: 0, gid: 0, time, sizeBytes: 0, where: 0 };
    this.#putInode(entry, fields, noAttributes);
  }

  #make(tarEntry: TarEntry, path: string, time: InodeTime): void {
    const tree = this.#tree;
    const there = tree.locate(path, time);
    const thereType = there === noEntry ? 0 : tree.entries.typeOf(there);
    if (tarEntry.type === "directory" && thereType === entryTypes.directory) {
      this.#changeDirectory(there, tarEntry, time);
      return;
    }
    if (tarEntry.type === "hardLink") {
      this.#link(tarEntry, path, time);
      return;
    }
    if (thereType === entryTypes.directory || thereType === entryTypes.symlink) tree.forgetParent();
    switch (tarEntry.type) {
      case "file":
        this.#open = { tarEntry, entry: tree.add(entryTypes.file, 0) };
        this.#content.begin(tarEntry.sizeBytes);
        return;
      case "directory":
        this.#makeDirectory(tarEntry, time, there !== noEntry && tree.entries.hasMark(there, whiteoutMark));
        return;
      case "symlink":
        this.#makeSymlink(tarEntry);
        return;
      default:
        this.#makeSpecial(tarEntry, tarEntry.type);
    }
  }

  #makeDirectory(tarEntry: TarEntry, time: InodeTime, opaque: boolean): void {
    const entry = this.#tree.addDirectory(directoryFields(tarEntry, time));
    this.#setAttributes(entry, tarEntry);
    if (opaque) this.#tree.makeOpaque(entry);
  }

  #changeDirectory(entry: number, tarEntry: TarEntry, time: InodeTime): void {
    this.#tree.directories.set(this.#tree.entries.placeOf(entry), directoryFields(tarEntry, time));
    this.#setAttributes(entry, tarEntry);
  }

  #setAttributes(entry: number, tarEntry: TarEntry): void {
    if (tarEntry.attributes.size === 0) return;
    const directory = this.#tree.entries.placeOf(entry);
    for (const [name, value] of tarEntry.attributes) {
      if (isCarried(name, tarEntry.type)) this.#tree.directories.setAttribute(directory, name, value.slice());
    }
    // What cannot be stored is told now, with the name of the entry.
    encodeAttributes(this.#tree.directories.attributesOf(directory));
  }

  #makeSymlink(tarEntry: TarEntry): void {
    const target = encodeName(tarEntry.linkTarget);
    if (target.length === 0) throw refused(tarEntry.path, "a symbolic link that says nothing");
    if (target.length > pathLimitBytes) {
      const found = `a symbolic link of ${target.length} bytes`;
      throw refused(tarEntry.path, `${found}, at most ${pathLimitBytes} are possible`);
    }
    const entry = this.#tree.add(entryTypes.symlink, 0);
    this.#tree.entries.addTarget(target);
    const attributes = this.#attributesOf(tarEntry);
    const mode = modeTypes.symlink | 0o777;
    const sizeBytes = target.length;
    const room = blockBytes - inodeBytes(true) - encodeAttributes(attributes).length;
    if (sizeBytes <= room) {
      this.#placeInode(
        entry,
        tarEntry,
        { layout: dataLayouts.inline, mode, sizeBytes, where: 0 },
        attributes,
        target,
      );
      return;
    }
    const where = this.#output.nextBlock;
    this.#output.write(target);
    this.#output.pad();
    this.#placeInode(entry, tarEntry, { layout: dataLayouts.plain, mode, sizeBytes, where }, attributes);
  }

  #makeSpecial(tarEntry: TarEntry, type: SpecialType): void {
    const { deviceMajor, deviceMinor } = tarEntry;
    if (deviceMajor > deviceLimits.major || deviceMinor > deviceLimits.minor) {
      throw refused(tarEntry.path, `there is no device ${deviceMajor}:${deviceMinor}`);
    }
    const entry = this.#tree.add(entryTypes[type], 0);
    const fields = {
      layout: dataLayouts.plain,
      mode: modeTypes[type] | tarEntry.mode,
      sizeBytes: 0,
      where: encodeDevice(deviceMajor, deviceMinor),
    };
    this.#placeInode(entry, tarEntry, fields, this.#attributesOf(tarEntry));
  }

  /** Both names lie inside of the layer. */
  #link(tarEntry: TarEntry, path: string, time: InodeTime): void {
    const tree = this.#tree;
    const target = insidePath(tarEntry.linkTarget);
    if (target === "") throw escapes(tarEntry.linkTarget);
    const existing = target === path ? noEntry : tree.locate(target, time);
    if (existing === noEntry || tree.entries.hasMark(existing, whiteoutMark)) {
      throw refused(
        tarEntry.path,
        `a hard link to ${JSON.stringify(tarEntry.linkTarget)}, which is not there`,
      );
    }
    const type = tree.entries.typeOf(existing);
    if (type === entryTypes.directory) throw refused(tarEntry.path, "a hard link to a directory");
    const symlinkTarget = type === entryTypes.symlink ? tree.entries.targetOf(existing).slice() : undefined;
    const there = tree.locate(path, time);
    if (there === existing) throw refused(tarEntry.path, "a hard link to itself");
    if (there !== noEntry && this.#isPathChanging(there)) tree.forgetParent();
    const place = tree.entries.placeOf(existing);
    const extended = tree.entries.hasMark(existing, extendedMark);
    const linked = this.#linked.get(place) ?? { count: 1, extended };
    linked.count += 1;
    if (linked.count > limitLinks) {
      throw refused(tarEntry.path, `more than ${limitLinks} hard links to one file`);
    }
    this.#linked.set(place, linked);
    tree.add(type | (extended ? extendedMark : 0), place);
    if (symlinkTarget !== undefined) tree.entries.addTarget(symlinkTarget);
  }

  #isPathChanging(entry: number): boolean {
    const type = this.#tree.entries.typeOf(entry);
    return type === entryTypes.directory || type === entryTypes.symlink;
  }

  #endPlainFile(
    entry: number,
    tarEntry: TarEntry,
    mode: number,
    attributes: Attributes,
    sizeBytes: number,
  ): void {
    const rest = sizeBytes % blockBytes;
    const first = this.#content.firstBlock;
    const room = blockBytes - inodeBytes(true) - encodeAttributes(attributes).length;
    if (rest > 0 && rest <= inlineLimitBytes && rest <= room) {
      const where = sizeBytes < blockBytes ? 0 : first;
      const tail = this.#tail.subarray(0, rest);
      tail.set(this.#output.last(rest));
      this.#output.takeBack(rest);
      this.#placeInode(
        entry,
        tarEntry,
        { layout: dataLayouts.inline, mode, sizeBytes, where },
        attributes,
        tail,
      );
      return;
    }
    this.#output.pad();
    const where = sizeBytes === 0 ? 0 : first;
    this.#placeInode(entry, tarEntry, { layout: dataLayouts.plain, mode, sizeBytes, where }, attributes);
  }

  #attributesOf(tarEntry: TarEntry): Attributes {
    if (tarEntry.attributes.size === 0) return noAttributes;
    return new Map([...tarEntry.attributes].filter(([name]) => isCarried(name, tarEntry.type)));
  }

  #placeInode(
    entry: number,
    { uid, gid, modifiedAtNs }: TarEntry,
    fields: Pick<InodeFields, "layout" | "mode" | "sizeBytes" | "where">,
    attributes: Attributes,
    following?: Uint8Array,
  ): void {
    this.#putInode(entry, { ...fields, uid, gid, time: inodeTime(modifiedAtNs) }, attributes, following);
  }

  /** The inode of `entry`, its attributes and what else belongs behind it. */
  #putInode(
    entry: number,
    fields: Pick<InodeFields, "layout" | "mode" | "uid" | "gid" | "time" | "sizeBytes" | "where">,
    attributes: Attributes,
    following?: Uint8Array,
  ): void {
    const stored = encodeAttributes(attributes);
    this.#serial += 1;
    const inode = { ...fields, links: 1, serial: this.#serial, attributeBytes: stored.length };
    const extended = isExtended(inode, this.#epoch ?? startOfTime);
    const head = inodeBytes(extended);
    const total = head + stored.length + (following?.length ?? 0);
    let record = this.#record;
    let view = this.#recordView;
    if (total > record.length) {
      record = new Uint8Array(total);
      view = new DataView(record.buffer);
    }
    encodeInode(view, 0, inode, extended);
    record.set(stored, head);
    if (following !== undefined) record.set(following, head + stored.length);
    if (!this.#metadata.hasRoom) throw refused("the layer", "it has more inodes than an image can number");
    const place = this.#metadata.place(record.subarray(0, total));
    this.#tree.entries.setPlace(entry, place, extended ? extendedMark : 0);
  }
}

function directoryFields({ mode, uid, gid }: TarEntry, time: InodeTime): DirectoryFields {
  return { mode, uid, gid, time };
}
