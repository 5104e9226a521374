import { expect, test } from "bun:test";
import { lstatSync } from "node:fs";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { endOfArchive, headerOf, type TarEntry } from "../../archive/mod.ts";
import { openDirectory } from "../../kernel/files.ts";
import { setAttribute } from "../../kernel/tree-writer.ts";
import { unpack } from "./unpack.ts";

const member = (path: string, mode: number, more: Partial<TarEntry> = {}): TarEntry => ({
  type: "file",
  path,
  mode,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  modifiedAtNs: 5_000_000_000n,
  linkTarget: "",
  deviceMajor: 0,
  deviceMinor: 0,
  attributes: new Map(),
  ...more,
});

/** Version 2; the owner and the group have all, everybody else nothing. acl(5) */
function closedList(): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 + 3 * 8));
  view.setUint32(0, 2, true);
  for (const [index, [tag, permissions]] of [
    [0x01, 7],
    [0x04, 7],
    [0x20, 0],
  ].entries()) {
    view.setUint16(4 + index * 8, tag ?? 0, true);
    view.setUint16(6 + index * 8, permissions ?? 0, true);
    view.setUint32(8 + index * 8, 0xffff_ffff, true);
  }
  return new Uint8Array(view.buffer);
}

test("owners, modes and times are the archive's, whatever umask, set-gid bit and access list the directory has", async () => {
  using place = temporaryDirectory("unpack");
  using root = openDirectory(place.path);
  const before = process.umask(0o027);
  const members: TarEntry[] = [];
  for (const directory of ["plain", "inherits", "listed"]) {
    members.push(member(directory, directory === "inherits" ? 0o2755 : 0o755, { type: "directory", gid: 7 }));
    for (const [index, mode] of [0o600, 0o640, 0o600, 0o666, 0o644, 0o4755, 0o444, 0].entries()) {
      members.push(member(`${directory}/${index}`, mode));
      members.push(member(`${directory}/${index}-other`, mode, { uid: 12, gid: 13 }));
    }
  }
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (const one of members) {
      if (one.path === "listed/0") setAttribute(root, "listed", "system.posix_acl_default", closedList());
      yield headerOf(one);
    }
    yield endOfArchive;
  }
  try {
    const options = { root, keepTypes: true, owner: undefined, firstHostId: 0, whiteouts: false };
    await unpack(bytes(), { ...options, directory: "/" });
  } finally {
    process.umask(before);
  }
  const found = members.map(({ path }) => {
    const { mode, uid, gid, mtimeMs } = lstatSync(`${place.path}/${path}`);
    return { path, mode: mode & 0o7777, uid, gid, mtimeMs };
  });
  expect(found).toEqual(members.map(({ path, mode, uid, gid }) => ({ path, mode, uid, gid, mtimeMs: 5000 })));
});
