/**
 * Blocks that hold inodes and what belongs behind them, several of them open at a time, so that inodes with content of any
 * length find a place that they fill well. A place is known by the number of its block among the blocks of this kind and its
 * slot there; where the block lies in the image is known once it is full.
 */
import type { BlockOutput } from "./block-output.ts";
import { blockBytes, slotBytes, slotsOfBlock } from "./format.ts";

const openBlocks = 8;
/** Places are numbers of 32 bits. */
const limitBlocks = 2 ** 32 / slotsOfBlock - 1;

export class MetadataBlocks {
  readonly #output: BlockOutput;
  readonly #blocks: Uint8Array[] = [];
  readonly #ordinals = new Uint32Array(openBlocks);
  readonly #used = new Uint32Array(openBlocks);
  #addresses = new Uint32Array(1024);
  #count = 0;

  constructor(output: BlockOutput) {
    this.#output = output;
  }

  /** False when no further inode has room. */
  get hasRoom(): boolean {
    return this.#count < limitBlocks - blockBytes;
  }

  /** Puts `bytes` where they do not cross the end of a block unless they are longer than one. Only between blocks of the output. */
  place(bytes: Uint8Array): number {
    if (bytes.length > blockBytes) return this.#placeRun(bytes);
    const index = this.#chooseBlock(bytes.length);
    const at = this.#used[index] ?? 0;
    this.#blocks[index]?.set(bytes, at);
    this.#used[index] = at + Math.ceil(bytes.length / slotBytes) * slotBytes;
    return (this.#ordinals[index] ?? 0) * slotsOfBlock + at / slotBytes;
  }

  /** Writes out the blocks that are open. After this every place has an address. */
  close(): void {
    for (const index of this.#blocks.keys()) this.#writeOut(index);
    this.#blocks.length = 0;
  }

  /** Offset of a place in the image. */
  offsetOf(place: number): number {
    const slot = place % slotsOfBlock;
    return (this.#addresses[(place - slot) / slotsOfBlock] ?? 0) * blockBytes + slot * slotBytes;
  }

  /** The open block in which the least is left when `bytes` are put there; a new one in the place of the fullest if there is none. */
  #chooseBlock(bytes: number): number {
    let best = -1;
    let fullest = 0;
    for (let index = 0; index < this.#blocks.length; index += 1) {
      const used = this.#used[index] ?? 0;
      if (used + bytes <= blockBytes && (best === -1 || used > (this.#used[best] ?? 0))) best = index;
      if (used > (this.#used[fullest] ?? 0)) fullest = index;
    }
    if (best !== -1) return best;
    const block = this.#blocks[fullest];
    if (this.#blocks.length < openBlocks || block === undefined) {
      this.#blocks.push(new Uint8Array(blockBytes));
      fullest = this.#blocks.length - 1;
    } else {
      this.#writeOut(fullest);
      block.fill(0);
    }
    this.#used[fullest] = 0;
    this.#ordinals[fullest] = this.#newOrdinals(1);
    return fullest;
  }

  #writeOut(index: number): void {
    const block = this.#blocks[index];
    if (block === undefined) return;
    this.#addresses[this.#ordinals[index] ?? 0] = this.#output.nextBlock;
    this.#output.write(block);
  }

  #placeRun(bytes: Uint8Array): number {
    const blocks = Math.ceil(bytes.length / blockBytes);
    const first = this.#newOrdinals(blocks);
    for (let index = 0; index < blocks; index += 1) {
      this.#addresses[first + index] = this.#output.nextBlock + index;
    }
    this.#output.write(bytes.subarray(0, (blocks - 1) * blockBytes));
    this.#output.keepTogether(blockBytes);
    this.#output.write(bytes.subarray((blocks - 1) * blockBytes));
    this.#output.pad();
    return first * slotsOfBlock;
  }

  #newOrdinals(count: number): number {
    const first = this.#count;
    this.#count += count;
    if (this.#count > this.#addresses.length) {
      const larger = new Uint32Array(Math.max(this.#addresses.length * 2, this.#count));
      larger.set(this.#addresses);
      this.#addresses = larger;
    }
    return first;
  }
}
