/**
 * The option words of OCI mounts (and of `mount -o`), one row each. A word sets or clears attributes of the
 * mount, changes its propagation, asks for a bind or a copy, or belongs to the file system itself; what is not
 * in the table is data for the file system.
 */
import { mountAttributes, mountPropagations } from "./mount-flags.ts";

export type MountOptionMeaning =
  /** MOUNT_ATTR_* to set and to clear. `recursive`: on every mount of the tree. */
  | { readonly kind: "attribute"; readonly set: number; readonly clear: number; readonly recursive: boolean }
  | { readonly kind: "propagation"; readonly propagation: number; readonly recursive: boolean }
  | { readonly kind: "bind"; readonly recursive: boolean }
  /** A flag of the super block, given to fsconfig as a flag; `off` is its negation, which is the default. */
  | { readonly kind: "superblock"; readonly flag: string; readonly on: boolean }
  | { readonly kind: "remount" }
  /** Copy what the image has at the target into the new tmpfs. */
  | { readonly kind: "copyUp" }
  | { readonly kind: "idmap"; readonly recursive: boolean }
  /** For mount(8) only, without meaning here: accepted and ignored. */
  | { readonly kind: "ignored" };

const { readOnly, noSuid, noDevices, noExec, accessTimeMask, noAccessTime, strictAccessTime } =
  mountAttributes;
const { noDirectoryAccessTime, noSymlinkFollow } = mountAttributes;

function attribute(set: number, clear: number, recursive = false): MountOptionMeaning {
  return { kind: "attribute", set, clear, recursive };
}

function propagation(value: number, recursive: boolean): MountOptionMeaning {
  return { kind: "propagation", propagation: value, recursive };
}

const superblock = (flag: string, on: boolean): MountOptionMeaning => ({ kind: "superblock", flag, on });
const ignored: MountOptionMeaning = { kind: "ignored" };

/** Attribute words; each also exists with an `r` before it, which means the whole tree. */
const attributeRows: Readonly<Record<string, readonly [set: number, clear: number]>> = {
  ro: [readOnly, 0],
  rw: [0, readOnly],
  nosuid: [noSuid, 0],
  suid: [0, noSuid],
  nodev: [noDevices, 0],
  dev: [0, noDevices],
  noexec: [noExec, 0],
  exec: [0, noExec],
  nodiratime: [noDirectoryAccessTime, 0],
  diratime: [0, noDirectoryAccessTime],
  nosymfollow: [noSymlinkFollow, 0],
  symfollow: [0, noSymlinkFollow],
  // Each access-time behaviour replaces the others; taking one back is the kernel's default, relatime.
  relatime: [0, accessTimeMask],
  norelatime: [0, accessTimeMask],
  noatime: [noAccessTime, accessTimeMask],
  atime: [0, accessTimeMask],
  strictatime: [strictAccessTime, accessTimeMask],
  nostrictatime: [0, accessTimeMask],
};

const otherRows: Readonly<Record<string, MountOptionMeaning>> = {
  bind: { kind: "bind", recursive: false },
  rbind: { kind: "bind", recursive: true },
  private: propagation(mountPropagations.private, false),
  rprivate: propagation(mountPropagations.private, true),
  shared: propagation(mountPropagations.shared, false),
  rshared: propagation(mountPropagations.shared, true),
  slave: propagation(mountPropagations.slave, false),
  rslave: propagation(mountPropagations.slave, true),
  unbindable: propagation(mountPropagations.unbindable, false),
  runbindable: propagation(mountPropagations.unbindable, true),
  sync: superblock("sync", true),
  async: superblock("sync", false),
  dirsync: superblock("dirsync", true),
  mand: superblock("mand", true),
  nomand: superblock("mand", false),
  lazytime: superblock("lazytime", true),
  nolazytime: superblock("lazytime", false),
  remount: { kind: "remount" },
  tmpcopyup: { kind: "copyUp" },
  idmap: { kind: "idmap", recursive: false },
  ridmap: { kind: "idmap", recursive: true },
  defaults: ignored,
  // Flags of mount(2) that the new mount API does not have.
  silent: ignored,
  loud: ignored,
  iversion: ignored,
  noiversion: ignored,
  acl: ignored,
  noacl: ignored,
  // For fstab and mount(8): who may mount, and when.
  auto: ignored,
  noauto: ignored,
  user: ignored,
  nouser: ignored,
  users: ignored,
  owner: ignored,
  group: ignored,
  _netdev: ignored,
  nofail: ignored,
};

function buildTable(): ReadonlyMap<string, MountOptionMeaning> {
  const table = new Map(Object.entries(otherRows));
  for (const [word, [set, clear]] of Object.entries(attributeRows)) {
    table.set(word, attribute(set, clear));
    table.set(`r${word}`, attribute(set, clear, true));
  }
  return table;
}

let table: ReadonlyMap<string, MountOptionMeaning> | undefined;

/** What the option word means; undefined for data of the file system (`size=64m`, `mode=1777`, `lowerdir=...`). */
export function mountOptionMeaning(option: string): MountOptionMeaning | undefined {
  table ??= buildTable();
  return table.get(option);
}

/** Every word of the table, for `features` and for tests. */
export function knownMountOptions(): string[] {
  table ??= buildTable();
  return [...table.keys()].sort();
}
