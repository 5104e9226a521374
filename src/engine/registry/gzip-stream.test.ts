import { expect, test } from "bun:test";
import { gzip } from "./gzip-stream.ts";

/** Neither noise nor all the same. */
function textOf(bytes: number): Uint8Array {
  const found = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 1) found[at] = (at * at) % 97 < 30 ? 65 : (at >> 7) % 251;
  return found;
}

async function* piecesOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const piece = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    // One buffer for all of them: a piece is valid until the next one is asked for.
    piece.set(part);
    yield await Promise.resolve(piece.subarray(0, part.length));
  }
}

async function compressed(bytes: Uint8Array, size: number): Promise<Uint8Array> {
  const found: Uint8Array[] = [];
  for await (const piece of gzip(piecesOf(bytes, size))) found.push(piece);
  return Buffer.concat(found);
}

test.each([0, 1, 1_048_575, 1_048_576, 1_048_577, 9_000_000])(
  "%d bytes are one member that gzip(1) reads, the same however they come in",
  async (length) => {
    const bytes = textOf(length);
    const once = await compressed(bytes, 65_536);
    expect(Buffer.compare(once, await compressed(bytes, 999_983))).toBe(0);
    const { stdout, success } = Bun.spawnSync(["gzip", "-dc"], { stdin: new Blob([new Uint8Array(once)]) });
    expect(success).toBe(true);
    expect(Buffer.compare(stdout, bytes)).toBe(0);
    expect(Buffer.compare(Bun.gunzipSync(new Uint8Array(once)), bytes)).toBe(0);
    if (length > 1_000_000) expect(once.length).toBeLessThan(length / 3);
  },
);

test("the bytes stay the same from version to version: a pushed layer is found again by them", async () => {
  const bytes = await compressed(textOf(3_000_000), 65_536);
  const digest = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  // zlib finds matches by other instructions, and so others, on another kind of processor.
  if (process.arch === "x64")
    expect(digest).toBe("634d91dc3c2ae7d063249caa524e0fc1740ad27fae8f3667235b3971d4666fc6");
});

test("what the source throws is thrown", async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(textOf(3_000_000));
    throw new Error("cut");
  }
  const read = async (): Promise<void> => {
    for await (const _piece of gzip(failing()));
  };
  expect(await read().catch((thrown: unknown) => String(thrown))).toBe("Error: cut");
});
