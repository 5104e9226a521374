/** Numbers of the mount API (linux/mount.h): attributes, propagation, and the flags of its calls. */
export const mountAttributes = {
  readOnly: 0x0000_0001,
  noSuid: 0x0000_0002,
  noDevices: 0x0000_0004,
  noExec: 0x0000_0008,
  /** Access-time behaviour is a field, not bits: clear the mask before setting one of the three. */
  accessTimeMask: 0x0000_0070,
  relativeAccessTime: 0x0000_0000,
  noAccessTime: 0x0000_0010,
  strictAccessTime: 0x0000_0020,
  noDirectoryAccessTime: 0x0000_0080,
  idMap: 0x0010_0000,
  noSymlinkFollow: 0x0020_0000,
} as const;

/** MS_* propagation types, the values of `struct mount_attr.propagation`. */
export const mountPropagations = {
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
} as const;

export const openTreeFlags = {
  clone: 1,
  closeOnExec: 0o2000000,
  /** AT_RECURSIVE: the whole tree of mounts. */
  recursive: 0x8000,
} as const;

export const moveMountFlags = {
  fromEmptyPath: 0x04,
  toEmptyPath: 0x40,
  setGroup: 0x100,
  beneath: 0x200,
} as const;

export const fsopenFlags = { closeOnExec: 1 } as const;
export const fsmountFlags = { closeOnExec: 1 } as const;

export const fsconfigCommands = {
  setFlag: 0,
  setString: 1,
  setBinary: 2,
  setPath: 3,
  setPathEmpty: 4,
  setFd: 5,
  create: 6,
  reconfigure: 7,
  createExclusive: 8,
} as const;

export const umountFlags = { force: 1, detach: 2, expire: 4, noFollow: 8 } as const;
