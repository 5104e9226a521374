/** A layer as it is sent: always the same bytes for the same layer. */
import type { LayerCompression } from "./contract.ts";
import { gzip } from "./gzip-stream.ts";

export function compressed(
  source: AsyncIterable<Uint8Array>,
  compression: LayerCompression,
): AsyncIterable<Uint8Array> {
  if (compression === "uncompressed") return source;
  return compression === "gzip" ? gzip(source) : zstd(source);
}

const blockBytes = 1024 * 1024;

/** Frames of one block each, which are a stream of zstd as one frame is. */
async function* zstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const block = new Uint8Array(blockBytes);
  let filled = 0;
  for await (const piece of source) {
    for (let at = 0; at < piece.length; ) {
      const count = Math.min(piece.length - at, blockBytes - filled);
      block.set(piece.subarray(at, at + count), filled);
      at += count;
      filled += count;
      if (filled < blockBytes) continue;
      yield await Bun.zstdCompress(block);
      filled = 0;
    }
  }
  if (filled > 0) yield await Bun.zstdCompress(block.slice(0, filled));
}
