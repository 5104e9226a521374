/** Trees made on the real file system, packed, and unpacked again. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { type TemporaryDirectory, temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { type TarEntry, TarReader } from "../../archive/mod.ts";
import { openDirectory } from "../../kernel/files.ts";
import { PlainEntry } from "../../kernel/plain-entry.ts";
import { probe } from "../../kernel/probe.ts";
import { TreeView } from "../../kernel/tree-view.ts";
import { changeTime, createSpecial, setAttribute } from "../../kernel/tree-writer.ts";
import { TiffinError } from "../../lib/errors.ts";
import { closeLowers, openOverlayLayerStore, treeLayerOf } from "../layer/mod.ts";
import { listChanges } from "./changes.ts";
import { packLayer } from "./pack-layer.ts";
import { packTree } from "./pack-tree.ts";

let files: TemporaryDirectory;
let upper = "";
let lower = "";

beforeEach(() => {
  files = temporaryDirectory("pack");
  upper = `${files.path}/upper`;
  lower = `${files.path}/lower`;
  mkdirSync(upper);
  mkdirSync(lower);
});
afterEach(() => files[Symbol.dispose]());

const y = Uint8Array.of(0x79);

function special(path: string, type: "character" | "block" | "fifo", major = 0, minor = 0): void {
  const slash = path.lastIndexOf("/");
  using directory = openDirectory(path.slice(0, slash));
  createSpecial(directory, path.slice(slash + 1), type, { major, minor });
}

function attribute(path: string, name: string, value: Uint8Array): void {
  const slash = path.lastIndexOf("/");
  using directory = openDirectory(path.slice(0, slash));
  setAttribute(directory, path.slice(slash + 1), name, value);
}

function timed(path: string, atNs: bigint): void {
  const slash = path.lastIndexOf("/");
  using directory = openDirectory(path.slice(0, slash));
  changeTime(directory, path.slice(slash + 1), atNs);
}

interface Member extends TarEntry {
  readonly content: Buffer;
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(stream));
}

function membersOf(archive: Buffer): Member[] {
  const members: { entry: TarEntry; pieces: Uint8Array[] }[] = [];
  const reader = new TarReader({
    entry: (entry) => members.push({ entry, pieces: [] }),
    content: (piece) => members.at(-1)?.pieces.push(piece.slice()),
    endOfEntry: () => {},
  });
  reader.push(archive);
  return members.map(({ entry, pieces }) => ({ ...entry, content: Buffer.concat(pieces) }));
}

async function layerOf(path: string): Promise<Buffer> {
  using top = PlainEntry.ofLayer(path);
  return await bytesOf(packLayer(top, { firstHostId: 0 }).bytes);
}

async function changesOf(firstHostId = 0): Promise<{ archive: Buffer; list: string[]; isEmpty: boolean }> {
  using top = PlainEntry.ofLayer(upper);
  using below = new TreeView([lower]);
  const packed = packLayer(top, { firstHostId, changes: { below: below.root } });
  const archive = await bytesOf(packed.bytes);
  const changes = await listChanges(top, below.root, firstHostId);
  return { archive, list: changes.map(({ kind, path }) => `${kind} ${path}`), isEmpty: packed.isEmpty() };
}

const pathsOf = (archive: Buffer): string[] => membersOf(archive).map(({ path }) => path);

/** cap_net_raw+ep for the root of a namespace: revision 3 with its id. */
const capability = Buffer.from("010000030020000000000000000000000000000064000000", "hex");
/** user::rw-, user:1000:r--, group::r--, mask::r--, other::--- */
const accessList = Buffer.from(
  "0200000001000600ffffffff02000400e803000004000400ffffffff10000400ffffffff20000000ffffffff",
  "hex",
);

/** One of everything. */
function makeEverything(): void {
  writeFileSync(`${upper}/file`, "content", { mode: 0o640 });
  chownSync(`${upper}/file`, 70_000, 3_000_000);
  chmodSync(`${upper}/file`, 0o6755);
  linkSync(`${upper}/file`, `${upper}/same`);
  mkdirSync(`${upper}/directory`, { mode: 0o1777 });
  chmodSync(`${upper}/directory`, 0o1777);
  writeFileSync(`${upper}/directory/${"long".repeat(40)}`, "far");
  symlinkSync("../anywhere", `${upper}/directory/link`);
  special(`${upper}/directory/fifo`, "fifo");
  special(`${upper}/directory/null`, "character", 1, 3);
  special(`${upper}/directory/disk`, "block", 254, 300);
  special(`${upper}/gone`, "character");
  mkdirSync(`${upper}/opaque`);
  attribute(`${upper}/opaque`, "trusted.overlay.opaque", y);
  attribute(`${upper}/opaque`, "trusted.overlay.origin", y);
  writeFileSync(`${upper}/opaque/new`, "");
  attribute(`${upper}/file`, "security.capability", capability);
  attribute(`${upper}/file`, "user.note", Buffer.from([0, 1, 255]));
  attribute(`${upper}/directory`, "system.posix_acl_default", accessList);
  attribute(`${upper}/directory`, "trusted.mine", Buffer.from("root"));
  const strange = Buffer.concat([Buffer.from(`${upper}/`), Buffer.from([0x66, 0xff, 0xfe])]);
  writeFileSync(strange, "odd");
  timed(`${upper}/file`, 1_234_567_890_123_456_789n);
  timed(`${upper}/opaque`, -1_500_000_000n);
}

test("a layer's members say all that its files are, in order, with marks for what is gone", async () => {
  makeEverything();
  const socket = Bun.listen({ unix: `${upper}/socket`, socket: { data() {} } });
  const members = membersOf(await layerOf(upper));
  socket.stop();
  expect(members.map(({ path }) => path)).toEqual([
    ".",
    "directory",
    "directory/disk",
    "directory/fifo",
    "directory/link",
    `directory/${"long".repeat(40)}`,
    "directory/null",
    "file",
    "f\udcff\udcfe",
    ".wh.gone",
    "opaque",
    "opaque/.wh..wh..opq",
    "opaque/new",
    "same",
  ]);
  const by = (path: string): Member => {
    const found = members.find((member) => member.path === path);
    if (found === undefined) throw new Error(`${path} is missing`);
    return found;
  };
  const file = by("file");
  expect([file.mode, file.uid, file.gid, file.modifiedAtNs]).toEqual([
    0o6755,
    70_000,
    3_000_000,
    1_234_567_890_123_456_789n,
  ]);
  expect(file.content.toString()).toBe("content");
  expect([by("same").type, by("same").linkTarget]).toEqual(["hardLink", "file"]);
  const revision2 = Buffer.from(capability.subarray(0, 20));
  revision2[3] = 2;
  expect([...file.attributes]).toEqual([
    ["security.capability", new Uint8Array(revision2)],
    ["user.note", Uint8Array.of(0, 1, 255)],
  ]);
  expect([...by("directory").attributes.keys()]).toEqual(["system.posix_acl_default", "trusted.mine"]);
  expect([...by("opaque").attributes]).toEqual([]);
  expect(by("opaque").modifiedAtNs).toBe(-1_500_000_000n);
  expect([by("directory/disk").type, by("directory/disk").deviceMinor]).toEqual(["block", 300]);
  expect([by(".wh.gone").type, by(".wh.gone").sizeBytes, by(".wh.gone").modifiedAtNs]).toEqual([
    "file",
    0,
    0n,
  ]);
});

const { erofs, erofsFromFiles } = probe().features;
const forms = ["directory", ...(erofs && erofsFromFiles ? ["image"] : [])] as const;

/** Packs, stores, and packs what has been stored. */
async function storedAndPacked(archive: Buffer, kind: string): Promise<Buffer> {
  const form =
    kind === "image" ? ({ kind, way: "file", attached: false } as const) : ({ kind: "directory" } as const);
  const store = openOverlayLayerStore({ root: `${files.path}/root`, form });
  try {
    using ingest = store.ingest();
    ingest.push(archive);
    const lowers = store.openLowers([ingest.finish().id]);
    using top = PlainEntry.ofLayer(lowers.map(treeLayerOf)[0] ?? "");
    closeLowers(lowers);
    return await bytesOf(packLayer(top, { firstHostId: 0 }).bytes);
  } finally {
    store.close();
  }
}

test.each(forms)("a layer kept as %s packs to the bytes that it came from", async (kind) => {
  makeEverything();
  const archive = await layerOf(upper);
  expect((await storedAndPacked(archive, kind)).equals(archive)).toBe(true);
});

test("GNU tar reads a packed layer, names that are no text too", async () => {
  makeEverything();
  const archive = await layerOf(upper);
  const listed = Bun.spawnSync(["tar", "--quoting-style=literal", "-tf", "-"], { stdin: archive });
  expect([listed.exitCode, listed.stdout.toString("latin1").split("\n").slice(6, 9)]).toEqual([
    0,
    ["directory/null", "file", "f\xff\xfe"],
  ]);
});

test("what is only on the way to a change, and what a start has made, is no part of the changes", async () => {
  for (const place of ["looked/at", "same", "below/deeper"])
    mkdirSync(`${lower}/${place}`, { recursive: true });
  for (const place of ["looked/at", "same", "below/deeper", "etc", "proc", "dev", "sys"]) {
    mkdirSync(`${upper}/${place}`, { recursive: true });
  }
  for (const name of ["hosts", "hostname", "resolv.conf"]) writeFileSync(`${upper}/etc/${name}`, "");
  for (const place of ["looked", "looked/at", "same", "below/deeper", "below"]) {
    for (const top of [lower, upper]) utimesSync(`${top}/${place}`, 5, 5);
  }
  const untouched = await changesOf();
  expect([untouched.list, pathsOf(untouched.archive), untouched.isEmpty]).toEqual([[], ["."], true]);
  writeFileSync(`${upper}/below/deeper/file`, "");
  writeFileSync(`${upper}/etc/hosts`, "127.0.0.1 mine");
  const { list, archive, isEmpty } = await changesOf();
  expect(isEmpty).toBe(false);
  expect(list).toEqual([
    "modified /below",
    "modified /below/deeper",
    "added /below/deeper/file",
    "added /etc",
    "added /etc/hosts",
  ]);
  expect(pathsOf(archive)).toEqual([".", "below", "below/deeper", "below/deeper/file", "etc", "etc/hosts"]);
});

test("changes are told by what was and what is: touched is not changed, replaced is", async () => {
  mkdirSync(`${lower}/directory/below`, { recursive: true });
  for (const name of ["a", "b", "directory/x", "directory/below/y", "becomes", "kept"]) {
    writeFileSync(`${lower}/${name}`, name);
    utimesSync(`${lower}/${name}`, 5, 5);
  }
  mkdirSync(`${lower}/becomes-file`);
  writeFileSync(`${lower}/becomes-file/z`, "");
  // Copied up and put back as it was.
  writeFileSync(`${upper}/kept`, "kept");
  utimesSync(`${upper}/kept`, 5, 5);
  writeFileSync(`${upper}/a`, "A");
  special(`${upper}/b`, "character");
  special(`${upper}/never-was`, "character");
  mkdirSync(`${upper}/directory`);
  attribute(`${upper}/directory`, "trusted.overlay.opaque", y);
  writeFileSync(`${upper}/directory/new`, "");
  mkdirSync(`${upper}/becomes`);
  writeFileSync(`${upper}/becomes/inside`, "");
  writeFileSync(`${upper}/becomes-file`, "");
  const { list } = await changesOf();
  expect(list).toEqual([
    "modified /a",
    "deleted /b",
    "modified /becomes",
    "added /becomes/inside",
    "modified /becomes-file",
    "modified /directory",
    "deleted /directory/below",
    "added /directory/new",
    "deleted /directory/x",
  ]);
});

test("ids, those in access lists too, are those that the container sees", async () => {
  writeFileSync(`${upper}/file`, "x");
  const list = Buffer.from(accessList);
  list.writeUInt32LE(101_000, 16);
  attribute(`${upper}/file`, "system.posix_acl_access", list);
  chownSync(`${upper}/file`, 100_005, 100_006);
  mkdirSync(`${lower}/same`);
  mkdirSync(`${upper}/same`);
  for (const top of [lower, upper]) utimesSync(`${top}/same`, 5, 5);
  chownSync(`${upper}/same`, 100_000, 100_000);
  const { archive } = await changesOf(100_000);
  const [, file] = membersOf(archive);
  expect([file?.path, file?.uid, file?.gid]).toEqual(["file", 5, 6]);
  expect(Buffer.from(file?.attributes.get("system.posix_acl_access") ?? [])).toEqual(accessList);
});

test("a file that shrinks or grows while it is read does not damage the archive", async () => {
  const large = 1_000_000;
  writeFileSync(`${upper}/grows`, Buffer.alloc(large, 1));
  writeFileSync(`${upper}/shrinks`, Buffer.alloc(large, 2));
  writeFileSync(`${upper}/vanishes`, Buffer.alloc(large, 3));
  writeFileSync(`${upper}/z`, "last");
  using top = PlainEntry.ofLayer(upper);
  const pieces: Uint8Array[] = [];
  for await (const piece of packTree(top, "", { firstHostId: () => 0 })) {
    pieces.push(piece);
    if (pieces.length === 1) appendFileSync(`${upper}/grows`, Buffer.alloc(large, 9));
    // By now the second file is being read.
    if (pieces.length === 5) truncateSync(`${upper}/shrinks`, 300_000);
    if (pieces.length === 6) unlinkSync(`${upper}/vanishes`);
  }
  const members = membersOf(Buffer.concat(pieces));
  expect(members.map(({ path, sizeBytes }) => [path, sizeBytes])).toEqual([
    ["grows", large],
    ["shrinks", large],
    ["z", 4],
  ]);
  expect(members[0]?.content.every((byte) => byte === 1)).toBe(true);
  const shrunk = members[1]?.content;
  expect([shrunk?.[0], shrunk?.[large - 1]]).toEqual([2, 0]);
  expect(members[2]?.content.toString()).toBe("last");
});

test("a directory that is removed while it is looked at holds nothing", async () => {
  mkdirSync(`${upper}/d/below`, { recursive: true });
  using top = PlainEntry.ofLayer(upper);
  using directory = top.child("d");
  rmSync(`${upper}/d`, { recursive: true });
  expect(directory?.names()).toEqual([]);
  expect(directory?.child("below")).toBeUndefined();
});

test("a name that means a removal in a layer, and a tree without an end, are refused by name", async () => {
  const codeOf = async (): Promise<string> => {
    const thrown = await changesOf().catch((error: unknown) => error);
    if (!(thrown instanceof TiffinError)) throw new Error(`wanted a TiffinError, found ${String(thrown)}`);
    return `${thrown.kind} ${thrown.code}`;
  };
  mkdirSync(`${upper}/etc`);
  writeFileSync(`${upper}/etc/.wh.passwd`, "");
  expect(await codeOf()).toBe("invalid archive.reserved-name");
  unlinkSync(`${upper}/etc/.wh.passwd`);
  mkdirSync(`${upper}/${"d/".repeat(300)}`, { recursive: true });
  expect(await codeOf()).toBe("invalid archive.too-deep");
});

test("what a user notes on a directory in overlayfs's words does not hide what is below", async () => {
  for (const top of [lower, upper]) mkdirSync(`${top}/etc`);
  writeFileSync(`${lower}/etc/passwd`, "root");
  attribute(`${upper}/etc`, "user.overlay.opaque", y);
  using tree = new TreeView([upper, lower]);
  expect(new TextDecoder().decode(tree.read("/etc/passwd", 100))).toBe("root");
});

test("pieces are small whatever a file holds, and holes read as zeros", async () => {
  writeFileSync(`${upper}/sparse`, "");
  truncateSync(`${upper}/sparse`, 40_000_000);
  using top = PlainEntry.ofLayer(upper);
  let bytes = 0;
  for await (const piece of packLayer(top, { firstHostId: 0 }).bytes) {
    expect(piece.length).toBeLessThanOrEqual(256 * 1024);
    bytes += piece.length;
  }
  expect(bytes).toBe(
    40_000_000 + 512 * 2 + 1024 + ((512 - (40_000_000 % 512)) % 512) + extended(await layerOf(upper)),
  );
});

/** What pax headers take, for the times. */
function extended(archive: Buffer): number {
  let bytes = 0;
  for (let at = 0; at < archive.length; at += 512) {
    if (archive[at + 156] === 0x78 && archive.subarray(at + 257, at + 262).toString() === "ustar")
      bytes += 1024;
  }
  return bytes;
}
