/** Flags of openat2(2): O_* of the open_how structure, RESOLVE_*, and the AT_* of its relatives. */
const sharedOpenFlags = {
  readOnly: 0,
  writeOnly: 1,
  readWrite: 2,
  create: 0o100,
  exclusive: 0o200,
  noControllingTerminal: 0o400,
  truncate: 0o1000,
  append: 0o2000,
  nonBlocking: 0o4000,
  closeOnExec: 0o2000000,
  path: 0o10000000,
} as const;

/** These four differ between machines. */
const machineOpenFlags = {
  x86_64: { direct: 0o40000, largeFile: 0o100000, directory: 0o200000, noFollow: 0o400000 },
  aarch64: { direct: 0o200000, largeFile: 0o400000, directory: 0o40000, noFollow: 0o100000 },
} as const;

/** O_* by their meaning, for a machine. */
export function openFlagsOf(machine: keyof typeof machineOpenFlags) {
  return { ...sharedOpenFlags, ...machineOpenFlags[machine] };
}

export type OpenFlags = ReturnType<typeof openFlagsOf>;

/** struct open_how.resolve (linux/openat2.h). */
export const resolveFlags = {
  noXdev: 0x01,
  noMagicLinks: 0x02,
  noSymlinks: 0x04,
  beneath: 0x08,
  inRoot: 0x10,
  cached: 0x20,
} as const;

export const atFlags = {
  fdcwd: -100,
  symlinkNoFollow: 0x100,
  removeDirectory: 0x200,
  /** faccessat2 only: the same bit as `removeDirectory`. */
  effectiveAccess: 0x200,
  symlinkFollow: 0x400,
  noAutomount: 0x800,
  emptyPath: 0x1000,
  recursive: 0x8000,
} as const;

/** File type bits of st_mode. */
export const fileTypes = {
  mask: 0o170000,
  socket: 0o140000,
  symlink: 0o120000,
  regular: 0o100000,
  block: 0o060000,
  directory: 0o040000,
  character: 0o020000,
  fifo: 0o010000,
} as const;
