/**
 * Pieces of a new file that other threads write while this one makes the next ones: to copy a hundred megabytes into the page cache takes as long
 * as to make them. No more than a few pieces wait; beyond that, and for whatever fails there, this thread writes itself, so that failures
 * are told where they are looked for.
 */
import { write } from "node:fs";
import { promisify } from "node:util";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { syscall, trySyscall } from "../../kernel/syscall.ts";

const writePositioned = promisify(write);

/** Each is a piece of memory. */
const limitUnderWay = 4;

interface Piece {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

export class WriteBehind {
  readonly #file: OwnedFd;
  readonly #underWay = new Set<Promise<void>>();
  /** Memory of pieces that are written. */
  readonly #spare: Uint8Array[] = [];
  #failed: Piece[] = [];

  constructor(file: OwnedFd) {
    this.#file = file;
  }

  get isIdle(): boolean {
    return this.#underWay.size === 0 && this.#failed.length === 0;
  }

  /** `bytes` may be other ones afterwards. Throws `SyscallError`, also for an earlier piece. */
  append(bytes: Uint8Array, offset: number): void {
    this.#repeat();
    if (this.#underWay.size >= limitUnderWay) {
      writeAt(this.#file, bytes, offset);
      return;
    }
    const memory = this.#spare.pop();
    const copy =
      memory !== undefined && memory.length >= bytes.length ? memory : new Uint8Array(bytes.length);
    copy.set(bytes);
    const piece = { bytes: copy.subarray(0, bytes.length), offset };
    const writing = this.#write(piece).finally(() => {
      this.#underWay.delete(writing);
      this.#spare.push(copy);
    });
    this.#underWay.add(writing);
  }

  /** Until nothing is under way. Throws `SyscallError`. */
  async settle(): Promise<void> {
    await this.ended();
    this.#repeat();
  }

  /** Until no thread has the file's descriptor, whatever came of its pieces. */
  async ended(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #write(piece: Piece): Promise<void> {
    const { bytes, offset } = piece;
    try {
      const { bytesWritten } = await writePositioned(this.#file.raw, bytes, 0, bytes.length, offset);
      if (bytesWritten !== bytes.length) throw new Error("only a part of it");
      startWriting(this.#file, offset, bytes.length);
    } catch {
      // Its memory may be used again before it is looked at.
      this.#failed.push({ bytes: bytes.slice(), offset });
    }
  }

  /** Here the kernel's answer is an error like any other. */
  #repeat(): void {
    for (const { bytes, offset } of this.#failed.splice(0)) writeAt(this.#file, bytes, offset);
  }
}

/** Throws `SyscallError`. */
export function writeAt(file: OwnedFd, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length; ) {
    const rest = bytes.subarray(done);
    done += syscall("pwrite64", file.what, file.raw, rest, rest.length, offset + done);
  }
  startWriting(file, offset, bytes.length);
}

/** SYNC_FILE_RANGE_WRITE */
const beginsNow = 2;

/** The disk begins now with what the end waits for, if this file system can be told. */
function startWriting(file: OwnedFd, offset: number, bytes: number): void {
  trySyscall("sync_file_range", file.raw, offset, bytes, beginsNow);
}
