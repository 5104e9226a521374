/**
 * The tar of a layer without the content of its files, which the layer itself has: kept beside the layer, so that it leaves as the
 * very bytes that its id is the digest of, whoever wrote them. Headers repeat themselves; compressed they are a few bytes a file.
 */
import { zstdCompressSync } from "node:zlib";
import { openFile, openFlags } from "../../kernel/files.ts";
import { writeAll } from "../../kernel/io.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { syscall } from "../../kernel/syscall.ts";

export const skeletonName = "tar-skeleton.zst";

/** Compressed together. */
const frameBytes = 512 * 1024;

export class SkeletonFile implements Disposable {
  readonly #file: OwnedFd;
  readonly #frame = new Uint8Array(frameBytes);
  #filled = 0;

  /** A new file at `path`. Throws `SyscallError`. */
  constructor(path: string) {
    const flags = openFlags.writeOnly | openFlags.create | openFlags.exclusive;
    this.#file = openFile(undefined, path, flags, { mode: 0o600 });
  }

  append(piece: Uint8Array): void {
    for (let at = 0; at < piece.length; ) {
      const taken = Math.min(frameBytes - this.#filled, piece.length - at);
      this.#frame.set(piece.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === frameBytes) this.#write();
    }
  }

  /** Makes it durable. */
  finish(): void {
    if (this.#filled > 0) this.#write();
    syscall("fdatasync", this.#file.what, this.#file.raw);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  #write(): void {
    writeAll(this.#file, zstdCompressSync(this.#frame.subarray(0, this.#filled)));
    this.#filled = 0;
  }
}
