/**
 * The file of a layer's image while it is written, with a check sum that comes from what passes by: of every segment one, and of
 * these the one that is kept. It tells what a disk has changed; whoever may write here deliberately may write the sum too, so
 * it need not be one that cannot be forged, and takes a fiftieth of the time.
 */
import { fdatasync } from "node:fs";
import { promisify } from "node:util";
import { type ImageSink, segmentBytes } from "../../archive/mod.ts";
import { openFile, openFlags } from "../../kernel/files.ts";
import { readAt } from "../../kernel/io.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { syscall } from "../../kernel/syscall.ts";
import { WriteBehind, writeAt } from "./write-behind.ts";

const syncData = promisify(fdatasync);

/** A file that gets longer than this is settled before it is finished. */
const alongBytes = 4 * 1024 * 1024;

export class ImageFile implements ImageSink, Disposable {
  readonly #file: OwnedFd;
  readonly #sums: bigint[] = [];
  readonly #changed = new Set<number>();
  readonly #behind: WriteBehind;
  #bytes = 0;
  #isSettled = false;

  /** A new file at `path`. Throws `SyscallError`. */
  constructor(path: string) {
    const flags = openFlags.readWrite | openFlags.create | openFlags.exclusive;
    this.#file = openFile(undefined, path, flags, { mode: 0o600 });
    this.#behind = new WriteBehind(this.#file);
  }

  append(bytes: Uint8Array): void {
    if (this.#bytes >= alongBytes && !this.#isSettled) this.#behind.append(bytes, this.#bytes);
    else writeAt(this.#file, bytes, this.#bytes);
    for (let at = 0; at < bytes.length; at += segmentBytes) {
      this.#sums.push(Bun.hash.xxHash3(bytes.subarray(at, at + segmentBytes)));
    }
    this.#bytes += bytes.length;
  }

  /** Only where nothing is written behind this thread's back: what comes later might be what was there before. */
  patch(offset: number, bytes: Uint8Array): void {
    this.#checkIdle();
    writeAt(this.#file, bytes, offset);
    this.#changed.add(Math.floor(offset / segmentBytes));
  }

  /** Makes durable what it has so far, off this thread. From now on this thread writes alone. */
  async settle(): Promise<void> {
    this.#isSettled = true;
    await this.#behind.settle();
    if (this.#bytes >= alongBytes) await syncData(this.#file.raw);
  }

  /** Makes the file durable; its check sum. A long one has been settled. */
  finish(): string {
    this.#checkIdle();
    const segment = new Uint8Array(segmentBytes);
    for (const index of this.#changed) {
      const at = index * segmentBytes;
      const bytes = readAt(this.#file, segment.subarray(0, Math.min(segmentBytes, this.#bytes - at)), at);
      this.#sums[index] = Bun.hash.xxHash3(bytes);
    }
    syscall("fdatasync", this.#file.what, this.#file.raw);
    return sumOfSums(this.#sums);
  }

  [Symbol.dispose](): void {
    if (this.#behind.isIdle) this.#file[Symbol.dispose]();
    // Its number is not free for another file as long as a thread writes by it.
    else void this.#behind.ended().then(() => this.#file[Symbol.dispose]());
  }

  #checkIdle(): void {
    if (!this.#behind.isIdle) throw new Error("a long image is settled before it is finished");
  }
}

function sumOfSums(sums: readonly bigint[]): string {
  const all = BigUint64Array.from(sums);
  return Bun.hash.xxHash3(new Uint8Array(all.buffer)).toString(16).padStart(16, "0");
}

/** The check sum of the file at `path`, a segment at a step, so that other work can run between them. */
export async function checkSumOf(path: string, rest: () => Promise<void>): Promise<string> {
  using file = openFile(undefined, path, openFlags.readOnly);
  const sums: bigint[] = [];
  const segment = new Uint8Array(segmentBytes);
  for (let at = 0; ; at += segmentBytes) {
    const bytes = readAt(file, segment, at);
    if (bytes.length > 0) sums.push(Bun.hash.xxHash3(bytes));
    if (bytes.length < segmentBytes) return sumOfSums(sums);
    await rest();
  }
}
