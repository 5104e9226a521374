/** A file's mode as Go writes it: permissions as everywhere, the type and the set-id bits where Go has them. (io/fs, FileMode) */

const bits = {
  directory: 2 ** 31,
  symlink: 1 << 27,
  device: 1 << 26,
  fifo: 1 << 25,
  socket: 1 << 24,
  setuid: 1 << 23,
  setgid: 1 << 22,
  character: 1 << 21,
  sticky: 1 << 20,
  irregular: 1 << 19,
} as const;
const permissions = 0o777;

export type GoFileType =
  | "file"
  | "directory"
  | "symlink"
  | "block"
  | "character"
  | "fifo"
  | "socket"
  | "other";

export interface GoMode {
  readonly type: GoFileType;
  /** Permission bits with setuid, setgid and sticky, as Linux has them. */
  readonly mode: number;
}

function has(value: number, bit: number): boolean {
  // The highest bit makes a negative number of it where it is treated as one of 32 bits.
  return (value & bit) !== 0;
}

export function decodeGoMode(value: number): GoMode {
  const special =
    (has(value, bits.setuid) ? 0o4000 : 0) |
    (has(value, bits.setgid) ? 0o2000 : 0) |
    (has(value, bits.sticky) ? 0o1000 : 0);
  return { type: typeOf(value), mode: (value & permissions) | special };
}

function typeOf(value: number): GoFileType {
  if (has(value, bits.directory)) return "directory";
  if (has(value, bits.symlink)) return "symlink";
  if (has(value, bits.fifo)) return "fifo";
  if (has(value, bits.socket)) return "socket";
  if (has(value, bits.device)) return has(value, bits.character) ? "character" : "block";
  return has(value, bits.irregular) ? "other" : "file";
}

const typeBits: Readonly<Record<GoFileType, number>> = {
  file: 0,
  directory: bits.directory,
  symlink: bits.symlink,
  block: bits.device,
  character: bits.device + bits.character,
  fifo: bits.fifo,
  socket: bits.socket,
  other: bits.irregular,
};

export function encodeGoMode({ type, mode }: GoMode): number {
  return (
    typeBits[type] +
    (mode & permissions) +
    ((mode & 0o4000) === 0 ? 0 : bits.setuid) +
    ((mode & 0o2000) === 0 ? 0 : bits.setgid) +
    ((mode & 0o1000) === 0 ? 0 : bits.sticky)
  );
}
