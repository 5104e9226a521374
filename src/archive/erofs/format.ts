/**
 * The parts of EROFS's on-disk format that are written and read here: uncompressed images with blocks of 4096 bytes.
 * All numbers are little-endian. (Linux, fs/erofs/erofs_fs.h)
 */

export const blockBits = 12;
export const blockBytes = 1 << blockBits;
/** Inodes lie at multiples of this, and their numbers count it. */
export const slotBytes = 32;
export const slotsOfBlock = blockBytes / slotBytes;

export const superblockAt = 1024;
export const superblockBytes = 128;
export const superblockMagic = 0xe0f5_e1e2;

/** Field name -> offset in the superblock. */
export const superblockFields = {
  magic: 0,
  checksum: 4,
  compatible: 8,
  blockBits: 12,
  extraSlots: 13,
  rootNumber: 14,
  inodes: 16,
  buildSeconds: 24,
  buildNanoseconds: 32,
  blocks: 36,
  metadataBlock: 40,
  attributesBlock: 44,
  incompatible: 80,
  extraDevices: 86,
  directoryBlockBits: 90,
  attributePrefixes: 91,
} as const;

export const compatibleFeatures = { checksum: 1, modificationTimes: 2 } as const;
export const incompatibleFeatures = { chunkedFiles: 4 } as const;

export const compactInodeBytes = 32;
export const extendedInodeBytes = 64;
/** What a compact inode has room for. */
export const compactLimits = { id: 0xffff, sizeBytes: 0xffff_ffff, links: 0xffff } as const;

/** Where content lies. */
export const dataLayouts = {
  /** In blocks one after the other. */
  plain: 0,
  /** Whole blocks like that, and what is left behind the inode, in one block with it. */
  inline: 2,
  /** In chunks of equal length, the list of which lies behind the inode. */
  chunked: 4,
} as const;

/** In the list of chunks: nothing but zeros. */
export const holeAddress = 0xffff_ffff;
/** Of a chunk list: five bits of log2(chunk / block); with this one an entry takes eight bytes. */
export const chunkIndexes = 0x20;
export const chunkBitsMask = 0x1f;

export const modeTypes = {
  fifo: 0o010_000,
  character: 0o020_000,
  directory: 0o040_000,
  block: 0o060_000,
  file: 0o100_000,
  symlink: 0o120_000,
  socket: 0o140_000,
} as const;
export const modeTypeMask = 0o170_000;
export const permissionMask = 0o7777;

/** What a directory entry says about the type. */
export const entryTypes = {
  file: 1,
  directory: 2,
  character: 3,
  block: 4,
  fifo: 5,
  socket: 6,
  symlink: 7,
} as const;
export type EntryTypeName = keyof typeof entryTypes;

/** A directory entry: u64 inode number, u16 offset of the name in its block, u8 type, u8 reserved. */
export const directoryEntryBytes = 12;
export const nameLimitBytes = 255;
/** PATH_MAX without its NUL. */
export const pathLimitBytes = 4095;

/** Before the attributes behind an inode: u32 filter, u8 count of shared ones, seven bytes of nothing. */
export const attributesHeaderBytes = 12;
/** u8 length of the name, u8 index of its prefix, u16 length of the value. */
export const attributeEntryBytes = 4;
export const attributeValueLimitBytes = 0xffff;

/** Prefix -> its index. Access lists have names that are prefixes as a whole. */
export const attributePrefixes = [
  ["user.", 1],
  ["system.posix_acl_access", 2],
  ["system.posix_acl_default", 3],
  ["trusted.", 4],
  ["security.", 6],
] as const;

/** The kernel's new_encode_dev: twelve bits of major number, twenty of minor. */
export const deviceLimits = { major: 0xfff, minor: 0xf_ffff } as const;

export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

export function decodeDevice(device: number): { readonly major: number; readonly minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xf_ff00) };
}
