import { expect, test } from "bun:test";
import { constants, zstdCompressSync } from "node:zlib";
import { until } from "../../../test/support/until.ts";
import { TiffinError } from "../../lib/errors.ts";
import { decompress } from "./decompress.ts";

const text = Buffer.from(Array.from({ length: 40_000 }, (_, line) => `line ${line}\n`).join(""));

function compressed(program: string, input: Uint8Array = text): Uint8Array {
  const done = Bun.spawnSync([program, "-c"], { stdin: new Blob([new Uint8Array(input)]) });
  return new Uint8Array(done.stdout);
}

async function* pieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(source: AsyncIterable<Uint8Array>, limitBytes?: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of decompress(source, limitBytes)) parts.push(new Uint8Array(piece));
  return Buffer.concat(parts);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "no error",
    (thrown: unknown) => (thrown instanceof TiffinError ? thrown.code : String(thrown)),
  );
}

const forms = {
  plain: () => new Uint8Array(text),
  gzip: () => compressed("gzip"),
  zstd: () => new Uint8Array(zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })),
  bzip2: () => compressed("bzip2"),
  xz: () => compressed("xz"),
};

for (const [name, make] of Object.entries(forms)) {
  test(`${name} is read in pieces of any size, to the limit`, async () => {
    for (const size of [1, 777, 1 << 20]) expect((await read(pieces(make(), size))).equals(text)).toBe(true);
    expect((await read(pieces(make()), text.length)).equals(text)).toBe(true);
    expect(await codeOf(read(pieces(make()), text.length - 1))).toBe("archive.too-large");
  });

  test(`what the source of ${name} throws is thrown, and is told when the reader leaves`, async () => {
    let left = 0;
    async function* failing(): AsyncGenerator<Uint8Array> {
      try {
        yield make().subarray(0, 100);
        throw new Error("cut line");
      } finally {
        left += 1;
      }
    }
    expect(await codeOf(read(failing()))).toBe("Error: cut line");
    async function* watched(): AsyncGenerator<Uint8Array> {
      try {
        yield* pieces(make(), 50);
      } finally {
        left += 1;
      }
    }
    for await (const _piece of decompress(watched())) break;
    await until("the source is left", () => left === 2);
  });

  if (name === "plain") continue;
  test(`a ${name} stream that is cut short or damaged is refused`, async () => {
    const bytes = make();
    expect(await codeOf(read(pieces(bytes.subarray(0, bytes.length - 30))))).toBe("archive.compression");
    const damaged = bytes.slice();
    for (let at = 40; at < 80; at += 1) damaged[at] = (damaged[at] ?? 0) ^ 0xff;
    expect(await codeOf(read(pieces(damaged)))).toBe("archive.compression");
  });
}

test("several members of gzip are one stream", async () => {
  const twice = Buffer.concat([compressed("gzip"), compressed("gzip")]);
  expect((await read(pieces(twice))).equals(Buffer.concat([text, text]))).toBe(true);
});

test.each(["gzip -1", "bzip2", "xz -0", "zstd"])(
  "a hundred megabytes of zeros by %s ends at the limit, long before it is unpacked, and is read in little memory",
  async (program) => {
    const bytes = 120_000_000;
    const bomb = new Uint8Array(
      Bun.spawnSync(["sh", "-c", `head -c ${bytes} /dev/zero | ${program} -c`]).stdout,
    );
    expect(bomb.length).toBeLessThan(2_000_000);
    // Before anything is compared with it, the decoder has what it always needs.
    expect(await codeOf(read(pieces(bomb, 65_536), 1000))).toBe("archive.too-large");
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    expect(await codeOf(read(pieces(bomb, 65_536), 50_000_000))).toBe("archive.too-large");
    let total = 0;
    for await (const piece of decompress(pieces(bomb, 65_536))) total += piece.length;
    expect(total).toBe(bytes);
    expect(process.memoryUsage.rss() - before).toBeLessThan(230_000_000);
  },
);

/** As a socket's reader gives them: one Buffer, filled anew for every piece. */
async function* reused(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(1000);
  for (let at = 0; at < bytes.length; at += buffer.length) {
    const piece = bytes.subarray(at, at + buffer.length);
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
    buffer.fill(0);
  }
}

test.each(Object.entries(forms))(
  "%s is read from pieces that are overwritten afterwards",
  async (_, make) => {
    expect(text.equals(await read(reused(make())))).toBe(true);
  },
);
