/** The first block of an image: nothing, the superblock, and what the image keeps behind it. */
import { crc32c } from "./crc32c.ts";
import {
  blockBits,
  blockBytes,
  compatibleFeatures,
  incompatibleFeatures,
  superblockAt,
  superblockBytes,
  superblockFields,
  superblockMagic,
} from "./format.ts";
import { type InodeTime, setWide } from "./inode.ts";

export interface Superblock {
  readonly rootNumber: number;
  readonly inodes: number;
  /** The time of compact inodes. */
  readonly epoch: InodeTime;
  readonly blocks: number;
  /** Comes directly behind. */
  readonly rest: Uint8Array;
}

export function encodeSuperblock({ rootNumber, inodes, epoch, blocks, rest }: Superblock): Uint8Array {
  const block = new Uint8Array(blockBytes);
  const view = new DataView(block.buffer, superblockAt);
  const at = superblockFields;
  view.setUint32(at.magic, superblockMagic, true);
  view.setUint32(at.compatible, compatibleFeatures.checksum | compatibleFeatures.modificationTimes, true);
  view.setUint8(at.blockBits, blockBits);
  view.setUint16(at.rootNumber, rootNumber, true);
  setWide(view, at.inodes, inodes);
  setWide(view, at.buildSeconds, epoch.seconds);
  view.setUint32(at.buildNanoseconds, epoch.nanoseconds, true);
  view.setUint32(at.blocks, blocks, true);
  view.setUint32(at.incompatible, incompatibleFeatures.chunkedFiles, true);
  block.set(rest, superblockAt + superblockBytes);
  view.setUint32(at.checksum, crc32c(block.subarray(superblockAt)), true);
  return block;
}
