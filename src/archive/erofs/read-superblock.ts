/** The first block of an image that nobody vouches for. */
import { crc32c } from "./crc32c.ts";
import {
  blockBits,
  blockBytes,
  compatibleFeatures,
  incompatibleFeatures,
  superblockAt,
  superblockFields,
  superblockMagic,
} from "./format.ts";
import { brokenImage, bytesAt, type ImageSource } from "./image-bytes.ts";

export interface ImageHead {
  readonly rootNumber: number;
  /** Offsets that inodes and shared attributes are counted from. */
  readonly metadataAt: number;
  readonly attributesAt: number;
  /** The time of compact inodes. */
  readonly epochNs: bigint;
}

const nsPerSecond = 1_000_000_000n;
const checksumBytes = 4;

export function readSuperblock(source: ImageSource): ImageHead {
  const block = bytesAt(source, 0, blockBytes, "its first block").slice();
  const view = new DataView(block.buffer, superblockAt);
  const at = superblockFields;
  if (view.getUint32(at.magic, true) !== superblockMagic) throw brokenImage("there is no superblock");
  if (view.getUint8(at.blockBits) !== blockBits || view.getUint8(at.directoryBlockBits) !== 0) {
    throw brokenImage(`its blocks are not of ${blockBytes} bytes`);
  }
  const incompatible = view.getUint32(at.incompatible, true);
  if ((incompatible & ~incompatibleFeatures.chunkedFiles) !== 0) {
    throw brokenImage(`it has features ${incompatible} that are not read here`);
  }
  if (view.getUint16(at.extraDevices, true) !== 0) throw brokenImage("it lies on several devices");
  if ((view.getUint32(at.compatible, true) & compatibleFeatures.checksum) !== 0) {
    const stored = view.getUint32(at.checksum, true);
    block.fill(0, superblockAt + at.checksum, superblockAt + at.checksum + checksumBytes);
    if (crc32c(block.subarray(superblockAt)) !== stored)
      throw brokenImage("the checksum of its superblock is wrong");
  }
  return {
    rootNumber: view.getUint16(at.rootNumber, true),
    metadataAt: view.getUint32(at.metadataBlock, true) * blockBytes,
    attributesAt: view.getUint32(at.attributesBlock, true) * blockBytes,
    epochNs:
      view.getBigInt64(at.buildSeconds, true) * nsPerSecond +
      BigInt(view.getUint32(at.buildNanoseconds, true)),
  };
}
