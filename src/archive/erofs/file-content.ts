/**
 * The content of one regular file on its way into the image: as it comes it goes to the end of the image, except that
 * stretches of zeros become holes. What the last block would hold is taken back while the inode has room for it.
 */
import type { BlockOutput } from "./block-output.ts";
import { blockBits, blockBytes, holeAddress } from "./format.ts";

/** Large enough that a file which is no sparse one is not taken apart for a few zeros between its sections. */
const smallChunkBits = 16;
const largeChunkBits = 20;
/** From this size on. */
const largeFileBytes = 256 * 1024 * 1024;
const zeros = new Uint8Array(1 << largeChunkBits);

export class FileContent {
  readonly #output: BlockOutput;
  sizeBytes = 0;
  #wantedBytes = 0;
  #chunkBits = smallChunkBits;
  #inChunk = 0;
  /** The first block, as long as there is no hole. */
  firstBlock = 0;
  /** First blocks of the chunks, once there is a hole. */
  #chunks: number[] | undefined;
  #doneChunks = 0;

  constructor(output: BlockOutput) {
    this.#output = output;
  }

  begin(sizeBytes: number): void {
    this.sizeBytes = 0;
    this.#wantedBytes = sizeBytes;
    this.#chunkBits = sizeBytes >= largeFileBytes ? largeChunkBits : smallChunkBits;
    this.#inChunk = 0;
    this.firstBlock = this.#output.nextBlock;
    this.#chunks = undefined;
    this.#doneChunks = 0;
  }

  push(piece: Uint8Array): void {
    const chunkBytes = 1 << this.#chunkBits;
    for (let at = 0; at < piece.length; ) {
      if (this.#inChunk === 0) {
        this.#output.keepTogether(Math.min(chunkBytes, this.#wantedBytes - this.sizeBytes));
      }
      const taken = Math.min(piece.length - at, chunkBytes - this.#inChunk);
      this.#output.write(at === 0 && taken === piece.length ? piece : piece.subarray(at, at + taken));
      at += taken;
      this.#inChunk += taken;
      this.sizeBytes += taken;
      if (this.#inChunk === chunkBytes) this.#endChunk(true);
    }
  }

  /** So many zeros: those that fill whole chunks are never written. */
  hole(bytes: number): void {
    const chunkBytes = 1 << this.#chunkBits;
    let left = bytes;
    while (left > 0) {
      if (this.#inChunk > 0 || left < chunkBytes) {
        const taken = Math.min(left, chunkBytes - this.#inChunk);
        this.push(zeros.subarray(0, taken));
        left -= taken;
        continue;
      }
      this.#addHole();
      this.sizeBytes += chunkBytes;
      left -= chunkBytes;
    }
  }

  /** There is no more; the output may be in the middle of a block, of which all of the last chunk can be taken back. */
  end(): void {
    if (this.#inChunk > 0) this.#endChunk(this.#chunks !== undefined);
  }

  /** What the inode of a file with holes says about the form of its list, and the list; undefined for others. */
  get chunkList(): { readonly form: number; readonly addresses: readonly number[] } | undefined {
    if (this.#chunks === undefined) return undefined;
    return { form: this.#chunkBits - blockBits, addresses: this.#chunks };
  }

  #endChunk(mayBeHole: boolean): void {
    const bytes = this.#inChunk;
    this.#inChunk = 0;
    if (mayBeHole && isZero(this.#output.last(bytes))) {
      this.#output.takeBack(bytes);
      this.#addHole();
      return;
    }
    this.#chunks?.push((this.#output.totalBytes - bytes) / blockBytes);
    this.#doneChunks += 1;
  }

  #addHole(): void {
    const blocksPerChunk = (1 << this.#chunkBits) / blockBytes;
    this.#chunks ??= Array.from(
      { length: this.#doneChunks },
      (_, index) => this.firstBlock + index * blocksPerChunk,
    );
    this.#chunks.push(holeAddress);
    this.#doneChunks += 1;
  }
}

function isZero(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0 || bytes[bytes.length >>> 1] !== 0 || bytes[bytes.length - 1] !== 0) return false;
  return Buffer.compare(bytes, bytes.length === zeros.length ? zeros : zeros.subarray(0, bytes.length)) === 0;
}
