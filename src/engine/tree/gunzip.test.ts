import { describe, expect, test } from "bun:test";
import { crc32, deflateRawSync, gzipSync, zstdCompressSync } from "node:zlib";
import { TiffinError } from "../../lib/errors.ts";
import { compressionOf, decompress } from "./decompress.ts";

const utf8 = (text: string): Buffer => Buffer.from(text);
const long = utf8("lunch ".repeat(200_000));

async function* piecesOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function plain(bytes: Uint8Array, size: number): Promise<string> {
  const found: Uint8Array[] = [];
  for await (const piece of decompress(piecesOf(bytes, size))) found.push(piece.slice());
  return Buffer.concat(found).toString();
}

const skippable = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0]), utf8("skip")]);
/** All optional fields: extra, name, comment, header check sum. */
const oddHeader = Buffer.concat([
  Buffer.from([0x1f, 0x8b, 8, 2 + 4 + 8 + 16, 0, 0, 0, 0, 0, 3]),
  Buffer.from([3, 0]),
  utf8("abc"),
  utf8("name\0comment\0"),
  Buffer.from([1, 2]),
  deflateRawSync(utf8("odd")),
  Buffer.from(Uint32Array.of(crc32("odd"), 3).buffer),
]);

describe.each([1, 7, 65_536, 10_000_000])("in pieces of %d bytes", (size) => {
  const small = size > 1;
  test.each([
    ["plain bytes", utf8("hello"), "hello"],
    ["nothing", utf8(""), ""],
    ["one byte", utf8("h"), "h"],
    ["gzip", gzipSync(utf8("hello")), "hello"],
    ["gzip of nothing", gzipSync(utf8("")), ""],
    ["several members", Buffer.concat([gzipSync("he"), gzipSync(""), gzipSync("llo")]), "hello"],
    ["zeros after gzip", Buffer.concat([gzipSync("hello"), Buffer.alloc(1024)]), "hello"],
    ["other bytes after gzip", Buffer.concat([gzipSync("hello"), utf8("garbage!")]), "hello"],
    ["a stray magic after gzip", Buffer.concat([gzipSync("hello"), Buffer.from([0x1f, 0x8b])]), "hello"],
    ["a gzip header with everything", oddHeader, "odd"],
    ["zstd", zstdCompressSync(utf8("hello")), "hello"],
    ["several frames of zstd", Buffer.concat([zstdCompressSync("he"), zstdCompressSync("llo")]), "hello"],
    ["skippable frames", Buffer.concat([skippable, zstdCompressSync("hello"), skippable]), "hello"],
    [
      "a long stream",
      gzipSync(small ? long : long.subarray(0, 1000)),
      (small ? long : long.subarray(0, 1000)).toString(),
    ],
  ])("%s", async (_name, bytes, text) => {
    expect(await plain(bytes, size)).toBe(text);
  });

  test.each([
    [
      "with another check sum",
      Buffer.concat([gzipSync("hello").subarray(0, -8), Buffer.alloc(8)]),
      "check sum",
    ],
    ["cut in the middle", gzipSync(long).subarray(0, 1000), "unexpected end"],
    ["cut before its check sum", gzipSync("hello").subarray(0, -4), "it ends in the middle"],
    ["cut in the header", gzipSync("hello").subarray(0, 5), "its header is cut"],
    ["of an unknown method", Buffer.from([0x1f, 0x8b, 7, 0, 0, 0, 0, 0, 0, 0]), "its header is missing"],
    [
      "with an invalid block",
      Buffer.concat([gzipSync("").subarray(0, 10), Buffer.alloc(20, 0xff)]),
      "invalid",
    ],
  ])("gzip %s is an error", async (_name, bytes, message) => {
    const thrown = await plain(bytes, size).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(thrown).toBeInstanceOf(TiffinError);
    expect(thrown).toMatchObject({ kind: "invalid", code: "archive.compression" });
    expect(String(thrown instanceof TiffinError ? thrown.cause : thrown)).toContain(message);
  });
});

test("what a stream is shows at its beginning", () => {
  expect(compressionOf(gzipSync("a"))).toBe("gzip");
  expect(compressionOf(zstdCompressSync("a"))).toBe("zstd");
  expect(compressionOf(skippable)).toBe("zstd");
  expect(compressionOf(utf8("ustar"))).toBeUndefined();
  expect(compressionOf(new Uint8Array(0))).toBeUndefined();
});
