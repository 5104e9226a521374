/** The decoder of a block, and the reader of bits, that the package's own stream is made of. */
declare module "unbzip2-stream/lib/bzip2.js" {
  import type { BitReader } from "unbzip2-stream/lib/bit_iterator.js";

  const bzip2: {
    /** The size of blocks, in units of 100,000 bytes. */
    header(bits: BitReader): number;
    /** The sum of the stream so far; null at its end. */
    decompress(
      bits: BitReader,
      output: (byte: number) => void,
      buffer: Int32Array,
      bufferSize: number,
      sum: number,
    ): number | null;
  };
  export default bzip2;
}

declare module "unbzip2-stream/lib/bit_iterator.js" {
  export interface BitReader {
    (count: number | null): number;
    readonly bytesRead: number;
  }
  export default function bitIterator(next: () => Uint8Array | undefined): BitReader;
}
