import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeSync } from "node:fs";
import { TiffinError } from "../../lib/errors.ts";
import { endOfArchive, padding, TarReader, tarMembers } from "../mod.ts";
import { encodePax } from "./pax.ts";

let directory = "";
const parts = 60;
const stepBytes = 64 * 1024;

beforeAll(() => {
  directory = mkdtempSync("/tmp/tiffin-test-sparse-");
  const write = (name: string, at: readonly number[], sizeBytes: number): void => {
    const file = openSync(`${directory}/${name}`, "w");
    for (const [index, offset] of at.entries()) writeSync(file, `part ${index}`, offset);
    closeSync(file);
    truncateSync(`${directory}/${name}`, sizeBytes);
  };
  write("few", [stepBytes, 5 * stepBytes], 7 * stepBytes + 3);
  write(
    "many",
    Array.from({ length: parts }, (_, index) => index * 2 * stepBytes),
    parts * 2 * stepBytes,
  );
  write("nothing", [], 20 * stepBytes);
  write("whole", [0], 6);
});
afterAll(() => rmSync(directory, { recursive: true }));

const names = ["few", "many", "nothing", "whole"];

interface Found {
  readonly path: string;
  readonly content: Buffer;
  readonly holeBytes: number;
}

function read(archive: Uint8Array, pieceBytes = archive.length, limitHoleBytes?: number): Found[] {
  const found: Found[] = [];
  let current = { path: "", sizeBytes: 0, pieces: [] as Uint8Array[], holeBytes: 0 };
  const reader = new TarReader(
    {
      entry({ path, sizeBytes }) {
        current = { path, sizeBytes, pieces: [], holeBytes: 0 };
      },
      content: (piece) => current.pieces.push(piece.slice()),
      hole(bytes) {
        current.holeBytes += bytes;
        current.pieces.push(new Uint8Array(bytes));
      },
      endOfEntry() {
        const content = Buffer.concat(current.pieces);
        expect(content.length).toBe(current.sizeBytes);
        found.push({ path: current.path, content, holeBytes: current.holeBytes });
      },
    },
    limitHoleBytes,
  );
  for (let at = 0; at < archive.length; at += pieceBytes) reader.push(archive.subarray(at, at + pieceBytes));
  reader.end();
  return found;
}

function errorOf(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof TiffinError) return `${thrown.code}: ${thrown.message}`;
    throw thrown;
  }
  return "nothing was thrown";
}

const kinds = [
  ["GNU's old way", "--format=gnu"],
  ["GNU's oldest way", "--format=oldgnu"],
  ["pax 0.0", "--format=pax", "--sparse-version=0.0"],
  ["pax 0.1", "--format=pax", "--sparse-version=0.1"],
  ["pax 1.0", "--format=pax", "--sparse-version=1.0"],
] as const;

function sparseArchive(...options: readonly string[]): Buffer {
  const done = Bun.spawnSync(["tar", "-C", directory, "-cS", ...options, "-f", "-", ...names]);
  expect(done.stderr.toString()).toBe("");
  return Buffer.from(done.stdout);
}

describe.each(kinds)("sparse files in %s", (_name, ...options) => {
  test("are what they were, with holes that are not in the archive", async () => {
    const archive = sparseArchive(...options);
    expect(archive.length).toBeLessThan(parts * 2 * stepBytes);
    for (const pieceBytes of [archive.length, 511, 7]) {
      const found = read(archive, pieceBytes);
      expect(found.map(({ path }) => path)).toEqual(names);
      for (const { path, content } of found) {
        expect(content.equals(readFileSync(`${directory}/${path}`))).toBe(true);
      }
      expect(found[2]?.holeBytes).toBe(20 * stepBytes);
      expect(found[3]?.holeBytes).toBe(0);
    }
    const members: [string, Buffer][] = [];
    async function* source(): AsyncGenerator<Uint8Array> {
      yield archive;
    }
    for await (const { entry, content } of tarMembers(source())) {
      members.push([entry.path, Buffer.concat(await Array.fromAsync(content, (piece) => piece.slice()))]);
    }
    expect(members.map(([path, content]) => content.equals(readFileSync(`${directory}/${path}`)))).toEqual(
      names.map(() => true),
    );
  });

  test("are refused when their holes add up to more than is allowed, or when they are cut short", () => {
    const archive = sparseArchive(...options);
    expect(errorOf(() => read(archive, archive.length, 10 * stepBytes))).toStartWith("archive.too-large: ");
    for (let at = 700; at < archive.length - 10_240; at += 4001) {
      expect(errorOf(() => read(archive.subarray(0, at)))).toMatch(/archive.malformed|nothing was thrown/);
    }
  });

  test("with changed bytes are read, or refused in words, soon", () => {
    const archive = sparseArchive(...options);
    for (let at = 0; at < Math.min(archive.length, 6000); at += 41) {
      const copy = Buffer.from(archive);
      copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
      const error = errorOf(() => read(copy, copy.length, 64 * 1024 * 1024));
      expect(error).toMatch(/^(archive\.(malformed|too-large): |nothing was thrown)/);
    }
  });
});

/** A member whose pax records are these, and whose stored bytes are `stored`. */
function paxMember(records: readonly (readonly [string, string])[], stored: string): Buffer {
  const header = (type: string, name: string, bytes: number): Uint8Array => {
    const block = new Uint8Array(512);
    const put = (text: string, at: number): void => void block.set(Buffer.from(text), at);
    put(name, 0);
    put("0000644\0", 100);
    put(`${bytes.toString(8).padStart(11, "0")}\0`, 124);
    put("        ", 148);
    put(type, 156);
    put("ustar\0" + "00", 257);
    const sum = block.reduce((total, byte) => total + byte, 0);
    put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return block;
  };
  const extended = encodePax(records);
  return Buffer.concat([
    header("x", "x", extended.length),
    extended,
    padding(extended.length),
    header("0", "GNUSparseFile.0/f", stored.length),
    Buffer.from(stored),
    padding(stored.length),
    endOfArchive,
  ]);
}

test.each<[string, readonly (readonly [string, string])[], string, string]>([
  [
    "parts that overlap",
    [
      ["GNU.sparse.size", "100"],
      ["GNU.sparse.map", "0,4,2,4"],
    ],
    "abcdefgh",
    "overlap",
  ],
  [
    "parts in no order",
    [
      ["GNU.sparse.size", "100"],
      ["GNU.sparse.map", "50,4,2,4"],
    ],
    "abcdefgh",
    "in no order",
  ],
  [
    "a part behind the end",
    [
      ["GNU.sparse.size", "9"],
      ["GNU.sparse.map", "5,8"],
    ],
    "abcdefgh",
    "behind its end",
  ],
  [
    "less than the map speaks of",
    [
      ["GNU.sparse.size", "100"],
      ["GNU.sparse.map", "5,8"],
    ],
    "abc",
    "3 bytes whose map speaks of 8",
  ],
  [
    "more than the map speaks of",
    [
      ["GNU.sparse.size", "100"],
      ["GNU.sparse.map", "5,2"],
    ],
    "abc",
    "3 bytes whose map speaks of 2",
  ],
  [
    "half a pair",
    [
      ["GNU.sparse.size", "100"],
      ["GNU.sparse.map", "5,2,7"],
    ],
    "abc",
    "an odd end",
  ],
  [
    "words for numbers",
    [
      ["GNU.sparse.size", "100"],
      ["GNU.sparse.map", "a,b"],
    ],
    "abc",
    "no list of numbers",
  ],
  ["a map without a length", [["GNU.sparse.map", "0,3"]], "abc", "half of a sparse member's map"],
  [
    "a length of a million terabytes",
    [
      ["GNU.sparse.size", "1000000000000000"],
      ["GNU.sparse.map", "0,3"],
    ],
    "abc",
    "archive.too-large",
  ],
  [
    "a version that nobody knows",
    [
      ["GNU.sparse.major", "2"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.realsize", "9"],
    ],
    "abc",
    "version 2.0",
  ],
  [
    "a map that never ends",
    [
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.realsize", "9"],
    ],
    "9".repeat(512),
    "no list of numbers",
  ],
  [
    "a map of a billion parts",
    [
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.realsize", "9"],
    ],
    "1000000000\n".padEnd(512, "0"),
    "in more than",
  ],
  [
    "a member that ends in its map",
    [
      ["GNU.sparse.major", "1"],
      ["GNU.sparse.minor", "0"],
      ["GNU.sparse.realsize", "9"],
    ],
    "1000\n".padEnd(512, "1\n"),
    "ends in its map",
  ],
])("%s in a sparse member is refused in words", (_what, records, stored, message) => {
  expect(errorOf(() => read(paxMember(records, stored)))).toContain(message);
});

test("a sparse member of pax is named by the record that is for it", () => {
  const records = [
    ["GNU.sparse.name", "its/name"],
    ["GNU.sparse.size", "10"],
    ["GNU.sparse.map", "2,3"],
  ] as const;
  expect(read(paxMember(records, "abc"))).toEqual([
    { path: "its/name", content: Buffer.from("\0\0abc\0\0\0\0\0"), holeBytes: 7 },
  ]);
});
