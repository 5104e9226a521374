/**
 * The file of a layer's image while it is written, with a check sum that comes from what passes by: of every segment one, and of
 * these the one that is kept. It tells what a disk has changed; whoever may write here deliberately may write the sum too, so
 * it need not be one that cannot be forged, and takes a fiftieth of the time.
 */
import { fdatasync } from "node:fs";
import { promisify } from "node:util";
import { type ImageSink, segmentBytes } from "../../archive/mod.ts";
import { openFile, openFlags } from "../../kernel/files.ts";
import { readAt, writeAll } from "../../kernel/io.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { syscall, trySyscall } from "../../kernel/syscall.ts";

const syncData = promisify(fdatasync);

export class ImageFile implements ImageSink, Disposable {
  readonly #file: OwnedFd;
  readonly #sums: bigint[] = [];
  readonly #changed = new Set<number>();
  #bytes = 0;

  /** A new file at `path`. Throws `SyscallError`. */
  constructor(path: string) {
    const flags = openFlags.readWrite | openFlags.create | openFlags.exclusive;
    this.#file = openFile(undefined, path, flags, { mode: 0o600 });
  }

  append(bytes: Uint8Array): void {
    writeAll(this.#file, bytes);
    for (let at = 0; at < bytes.length; at += segmentBytes) {
      this.#sums.push(Bun.hash.xxHash3(bytes.subarray(at, at + segmentBytes)));
    }
    // The disk begins now with what the end waits for, if this file system can be told.
    trySyscall("sync_file_range", this.#file.raw, this.#bytes, bytes.length, startWriting);
    this.#bytes += bytes.length;
  }

  patch(offset: number, bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length) {
      const rest = bytes.subarray(done);
      done += syscall("pwrite64", this.#file.what, this.#file.raw, rest, rest.length, offset + done);
    }
    this.#changed.add(Math.floor(offset / segmentBytes));
  }

  /** Makes durable what it has so far, off this thread. */
  async settle(): Promise<void> {
    await syncData(this.#file.raw);
  }

  /** Makes the file durable; its check sum. */
  finish(): string {
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
    this.#file[Symbol.dispose]();
  }
}

/** SYNC_FILE_RANGE_WRITE */
const startWriting = 2;

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
