/** A layer with an entry of every kind, of every length that matters, and with every attribute. */
import type { Member } from "../support/layer-archive.ts";

export const long = "n".repeat(255);
const notUtf8 = "caf\udce9";

/** Version 2, owner rwx, user 77777 r, group r, mask r, others nothing. (linux/posix_acl_xattr.h) */
const accessList = Uint8Array.from(
  [
    [2, 0, 0, 0],
    [1, 0, 7, 0, 0xff, 0xff, 0xff, 0xff],
    [2, 0, 4, 0, 0xd1, 0x2f, 1, 0],
    [4, 0, 4, 0, 0xff, 0xff, 0xff, 0xff],
    [16, 0, 4, 0, 0xff, 0xff, 0xff, 0xff],
    [32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
  ].flat(),
);
/** cap_net_raw+ep, VFS_CAP_REVISION_2. */
const capability = Uint8Array.from([1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** Bytes that are not the same twice; another `seed` gives others. */
export function patterned(bytes: number, seed = 1): Uint8Array {
  const content = new Uint8Array(bytes);
  for (let at = 0, value = seed; at < bytes; at += 1) {
    value = (Math.imul(value, 1_103_515_245) + 12_345) >>> 0;
    content[at] = value >>> 16;
  }
  return content;
}

export const everything: Member[] = [
  { path: "./", type: "directory", mode: 0o750, uid: 3, gid: 4 },
  { path: "bin", type: "directory", has: { "user.directory": "yes" } },
  {
    path: "bin/tool",
    mode: 0o4755,
    content: patterned(10_000),
    attributes: new Map([["security.capability", capability]]),
  },
  { path: "bin/again", type: "hardLink", linkTarget: "bin/tool" },
  { path: "third", type: "hardLink", linkTarget: "/bin/again" },
  { path: "empty" },
  { path: "tiny", content: "x", uid: 70_000, gid: 4_000_000_000, modifiedAtNs: -1_500_000_001n },
  { path: "old", content: "y", modifiedAtNs: 0n },
  { path: "a-block", content: patterned(4096) },
  { path: "two-blocks", content: patterned(8192, 2) },
  { path: "half", content: patterned(2048, 3) },
  { path: "over-half", content: patterned(2049, 4) },
  { path: "nearly", content: patterned(4095, 5) },
  { path: "just-over", content: patterned(4097, 6) },
  { path: "larger", content: patterned(3_000_000, 7) },
  { path: "link", type: "symlink", linkTarget: "bin/tool", uid: 5 },
  { path: "dangling", type: "symlink", linkTarget: "/nowhere" },
  { path: "long-link", type: "symlink", linkTarget: `/${"d/".repeat(2046)}e` },
  { path: "second-link", type: "hardLink", linkTarget: "long-link" },
  { path: "null", type: "character", deviceMajor: 1, deviceMinor: 3, mode: 0o666 },
  { path: "disk", type: "block", deviceMajor: 259, deviceMinor: 70_000, mode: 0o660, gid: 6 },
  { path: "pipe", type: "fifo", mode: 0o622 },
  { path: long, content: "long" },
  { path: `deep/${long}/${long}/${long}`, content: "deep" },
  { path: notUtf8, content: "bytes" },
  { path: "ümläut/☃", content: "snow" },
  { path: "!before-dot", content: "1" },
  { path: ".-between", content: "2" },
  { path: "..after", content: "3" },
  { path: "access", attributes: new Map([["system.posix_acl_access", accessList]]), mode: 0o740 },
  {
    path: "defaults",
    type: "directory",
    attributes: new Map([["system.posix_acl_default", accessList]]),
  },
  { path: "many", content: "m", has: { "user.a": "1", "user.b": "", "trusted.c": "3", "security.d": "4" } },
  { path: "overlay", content: "o", has: { "trusted.overlay.redirect": "/etc", "user.kept": "1" } },
  {
    path: "heavy",
    content: patterned(100),
    attributes: new Map([
      ["user.heavy", patterned(3000)],
      ["user.more", patterned(900)],
    ]),
  },
  { path: "setgid", type: "directory", mode: 0o3777 },
];
