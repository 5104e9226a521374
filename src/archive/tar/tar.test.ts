import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { TiffinError } from "../../lib/errors.ts";
import { endOfArchive, headerOf, padding, type TarEntry, TarReader } from "../mod.ts";

interface Member {
  readonly entry: TarEntry;
  readonly content: string;
}

/** Reads in pieces of `pieceBytes`. */
function read(archive: Uint8Array, pieceBytes = archive.length || 1): Member[] {
  const members: Member[] = [];
  let current: TarEntry | undefined;
  let pieces: Uint8Array[] = [];
  const reader = new TarReader({
    entry: (entry) => {
      current = entry;
      pieces = [];
    },
    content: (piece) => pieces.push(piece.slice()),
    endOfEntry: () => {
      if (current === undefined) throw new Error("an end without a beginning");
      members.push({ entry: current, content: Buffer.concat(pieces).toString() });
    },
  });
  for (let at = 0; at < archive.length; at += pieceBytes) reader.push(archive.subarray(at, at + pieceBytes));
  reader.end();
  return members;
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof TiffinError) return thrown.code;
    throw thrown;
  }
  return "nothing was thrown";
}

const entry = (over: Partial<TarEntry>): TarEntry => ({
  type: "file",
  path: "a",
  mode: 0o644,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  modifiedAtNs: 0n,
  linkTarget: "",
  deviceMajor: 0,
  deviceMinor: 0,
  attributes: new Map(),
  ...over,
});

function archiveOf(...members: readonly (readonly [TarEntry, string])[]): Uint8Array {
  const pieces = members.flatMap(([header, content]) => [
    headerOf(header),
    Buffer.from(content),
    padding(Buffer.byteLength(content)),
  ]);
  return Buffer.concat([...pieces, endOfArchive]);
}

let directory = "";
const longName = `${"d".repeat(90)}/${"long".repeat(45)}`;

beforeAll(() => {
  directory = mkdtempSync("/tmp/tiffin-test-tar-");
  const tree = `${directory}/tree`;
  mkdirSync(`${tree}/${"d".repeat(90)}`, { recursive: true });
  writeFileSync(`${tree}/file`, "hello");
  chmodSync(`${tree}/file`, 0o4750);
  utimesSync(`${tree}/file`, 1_700_000_000.5, 1_700_000_000.25);
  writeFileSync(`${tree}/empty`, "");
  writeFileSync(`${tree}/block`, "x".repeat(512));
  writeFileSync(`${tree}/ümlaut`, "u");
  linkSync(`${tree}/file`, `${tree}/second`);
  symlinkSync("../elsewhere/file", `${tree}/link`);
});
afterAll(() => rmSync(directory, { recursive: true }));

function gnuTar(...args: readonly string[]): Uint8Array {
  const done = Bun.spawnSync([
    "tar",
    "-C",
    `${directory}/tree`,
    "-c",
    "--sort=name",
    ...args,
    "-f",
    "-",
    ".",
  ]);
  expect(done.exitCode).toBe(0);
  return done.stdout;
}

describe("archives of GNU tar", () => {
  for (const format of ["ustar", "pax", "gnu", "oldgnu", "v7"] as const) {
    test(`${format}, in pieces of every size`, () => {
      if (format !== "ustar" && format !== "v7") {
        mkdirSync(`${directory}/tree/${"d".repeat(90)}`, { recursive: true });
        writeFileSync(`${directory}/tree/${longName}`, "deep");
      } else rmSync(`${directory}/tree/${longName}`, { force: true });
      const archive = gnuTar(`--format=${format}`);
      const whole = read(archive);
      for (const pieceBytes of [1, 7, 511, 513, 10_000]) expect(read(archive, pieceBytes)).toEqual(whole);
      const found = new Map(whole.map((member) => [member.entry.path.replace(/^\.\//, ""), member]));
      expect(found.get("file")?.content).toBe("hello");
      expect(found.get("file")?.entry).toMatchObject({ type: "file", mode: 0o4750, sizeBytes: 5 });
      expect(found.get("file")?.entry.modifiedAtNs).toBe(
        format === "pax" ? 1_700_000_000_250_000_000n : 1_700_000_000_000_000_000n,
      );
      expect(found.get("empty")?.content).toBe("");
      expect(found.get("block")?.content).toBe("x".repeat(512));
      expect(found.get("ümlaut")?.content).toBe("u");
      expect(found.get("second")?.entry).toMatchObject({ type: "hardLink", linkTarget: "./file" });
      expect(found.get("link")?.entry).toMatchObject({ type: "symlink", linkTarget: "../elsewhere/file" });
      expect(found.get(".")?.entry.type).toBe("directory");
      if (format !== "ustar" && format !== "v7") expect(found.get(longName)?.content).toBe("deep");
    });
  }
});

test("what is written is read back, and GNU tar lists the same", () => {
  const members: [TarEntry, string][] = [
    [entry({ type: "directory", path: "dir", mode: 0o1777, modifiedAtNs: 1_600_000_000_123_456_789n }), ""],
    [
      entry({ path: "dir/f", uid: 3_000_000_000, gid: 70_000, sizeBytes: 3, modifiedAtNs: -1_500_000_000n }),
      "abc",
    ],
    [entry({ path: `dir/${"n".repeat(300)}`, sizeBytes: 512 }), "y".repeat(512)],
    [entry({ type: "symlink", path: "l", linkTarget: "t".repeat(200) }), ""],
    [entry({ type: "hardLink", path: "h", linkTarget: "dir/f" }), ""],
    [entry({ type: "character", path: "c", deviceMajor: 1, deviceMinor: 3 }), ""],
    [entry({ type: "block", path: "b", deviceMajor: 259, deviceMinor: 1_000_000 }), ""],
    [entry({ type: "fifo", path: "p" }), ""],
    [
      entry({
        path: "x",
        attributes: new Map([
          ["user.b", Uint8Array.of(0, 10, 61)],
          ["security.capability", Uint8Array.of(1, 2)],
        ]),
      }),
      "",
    ],
  ];
  const archive = archiveOf(...members);
  expect(read(archive)).toEqual(members.map(([header, content]) => ({ entry: header, content })));
  writeFileSync(`${directory}/ours.tar`, archive);
  const listed = Bun.spawnSync(["tar", "-tf", `${directory}/ours.tar`]);
  expect(listed.exitCode).toBe(0);
  expect(listed.stdout.toString().trimEnd().split("\n")).toEqual(
    members.map(([header]) => (header.type === "directory" ? `${header.path}/` : header.path)),
  );
});

test("global records hold for all members until one of their own says otherwise", () => {
  const done = Bun.spawnSync([
    "tar",
    "-C",
    `${directory}/tree`,
    "-c",
    "--format=pax",
    "--pax-option=globexthdr.name=g,comment=x,uid=77",
    "-f",
    "-",
    "empty",
  ]);
  expect(read(done.stdout)[0]?.entry.uid).toBe(77);
});

describe("damaged and hostile archives", () => {
  const good = archiveOf([entry({ sizeBytes: 5 }), "hello"]);
  const changed = (at: number, byte: number): Uint8Array => {
    const copy = new Uint8Array(good);
    copy[at] = byte;
    return copy;
  };
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["a wrong checksum", changed(0, 0x62)],
    ["the middle of a header", good.subarray(0, 100)],
    ["the middle of content", good.subarray(0, 514)],
    ["a page of HTML", Buffer.from("<html>".repeat(200))],
  ];
  for (const [what, archive] of cases) {
    test(what, () => expect(codeOf(() => read(archive))).toBe("archive.malformed"));
  }

  test("a long name beyond its limit is refused before memory is taken for it", () => {
    const header = headerOf(entry({ path: "././@LongLink", sizeBytes: 2 ** 40 }));
    // The size does not fit into octal digits here, so a pax header precedes; the plain one says L.
    const block = header.subarray(header.length - 512);
    block[156] = 0x4c;
    block.set(Buffer.from("77777777777\0"), 124);
    block.set(Buffer.from("        "), 148);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    expect(codeOf(() => read(block))).toBe("archive.malformed");
  });

  test("any bytes end in members or in the one error", () => {
    let seed = 12_345;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * below);
    };
    const base = archiveOf(
      [entry({ path: "n".repeat(150), sizeBytes: 5, uid: 2 ** 31 }), "hello"],
      [entry({ type: "symlink", path: "l", linkTarget: "x" }), ""],
    );
    let refused = 0;
    for (let round = 0; round < 3_000; round += 1) {
      const copy = new Uint8Array(base);
      for (let flips = random(4); flips >= 0; flips -= 1) copy[random(copy.length)] = random(256);
      const cut = copy.subarray(0, random(2) === 0 ? copy.length : random(copy.length));
      const code = codeOf(() => read(cut, 1 + random(600)));
      if (code === "archive.malformed") refused += 1;
      else expect(code).toBe("nothing was thrown");
    }
    expect(refused).toBeGreaterThan(1_000);
  });
});
