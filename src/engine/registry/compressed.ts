/** A layer as it is sent: always the same bytes for the same layer. */
import type { LayerCompression } from "./contract.ts";
import { blocksOf, gzip } from "./gzip-stream.ts";

export function compressed(
  source: AsyncIterable<Uint8Array>,
  compression: LayerCompression,
): AsyncIterable<Uint8Array> {
  if (compression === "uncompressed") return source;
  return compression === "gzip" ? gzip(source) : zstd(source);
}

/** Frames of one block each, which are a stream of zstd as one frame is. */
async function* zstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const block of blocksOf(source)) yield await Bun.zstdCompress(block);
}
