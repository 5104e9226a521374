/**
 * Bytes to gzip, always the same bytes for the same input: one member, made of blocks that are compressed at the same time in
 * the thread pool, each without what came before it, and joined.
 */
import { constants, crc32, deflateRaw } from "node:zlib";

const blockBytes = 1024 * 1024;
const inFlight = 4;
/** Of zlib here: 250 MB in 1.3 s on two cores, where 6 takes 3 s for 0.2 % less. Another one would give other digests. */
const level = 5;
/** No name, no time, an unknown system. */
const header = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);
/** An empty last block. */
const lastBlock = Uint8Array.of(3, 0);

function compress(block: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    deflateRaw(block, { level, finishFlush: constants.Z_SYNC_FLUSH }, (error, found) => {
      if (error === null) resolve(found);
      else reject(error);
    });
  });
}

/** Pieces of any length as blocks of one. */
export async function* blocksOf(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let block = new Uint8Array(blockBytes);
  let filled = 0;
  for await (const piece of source) {
    for (let at = 0; at < piece.length; ) {
      const count = Math.min(piece.length - at, blockBytes - filled);
      block.set(piece.subarray(at, at + count), filled);
      at += count;
      filled += count;
      if (filled < blockBytes) continue;
      yield block;
      block = new Uint8Array(blockBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

export async function* gzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield header;
  let sum = 0;
  let length = 0;
  const pending: Promise<Uint8Array>[] = [];
  for await (const block of blocksOf(source)) {
    sum = crc32(block, sum);
    length += block.length;
    const compressed = compress(block);
    // Looked at in its turn.
    compressed.catch(() => undefined);
    pending.push(compressed);
    if (pending.length < inFlight) continue;
    const first = await pending.shift();
    if (first !== undefined) yield first;
  }
  for (const each of pending) yield await each;
  yield lastBlock;
  const trailer = new DataView(new ArrayBuffer(8));
  trailer.setUint32(0, sum, true);
  trailer.setUint32(4, length % 2 ** 32, true);
  yield new Uint8Array(trailer.buffer);
}
