/**
 * Parts of blobs that are on their way. The bytes of a blob go straight through to the layer store; beside that they are
 * appended to a file here, which is removed when the image is stored. So a pull that is cut off, by SIGKILL too, goes on with
 * the first byte that has not arrived, and fetches no layer again that had come whole; nothing compressed is left on disk afterwards. Nothing here is synced: after
 * a power failure the digest tells, and the blob is fetched again. A full disk only ends the keeping.
 *
 *   DIRECTORY/<algorithm>-<hex>.part            the blob's beginning
 *   DIRECTORY/<algorithm>-<hex>.part@<offset>   a whole piece from further on, fetched ahead
 */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { nowMs } from "../../lib/clock.ts";
import type { OciDescriptor } from "../../oci/mod.ts";

const readBytes = 256 * 1024;
/** What nobody has gone on with for so long is given up. */
const keptMs = 7 * 24 * 60 * 60 * 1000;
/** All parts that nobody is at; the one that was left longest ago goes first. */
const limitKeptBytes = 8 * 1024 ** 3;
/** Of `st_blocks`. stat(2) */
const blockBytes = 512;
const partPattern = /^sha\d+-[0-9a-f]+\.part(?:@\d+)?$/;

export class Staging {
  readonly #directory: string | undefined;
  readonly #open = new Set<string>();

  readonly #limitBytes: number;

  /** Makes the directory, and removes what has been lying there for long. */
  constructor(directory: string | undefined, limitBytes = limitKeptBytes) {
    this.#directory = directory;
    this.#limitBytes = limitBytes;
    if (directory === undefined) return;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.collect();
  }

  /** Removes what nobody is at: what is old, and what is more than may be kept. To be called when a pull begins. */
  collect(): void {
    if (this.#directory === undefined) return;
    const parts = this.#parts(this.#directory).sort((one, other) => other.leftMs - one.leftMs);
    let kept = 0;
    for (const { path, bytes, leftMs } of parts) {
      kept += bytes;
      if (kept <= this.#limitBytes && leftMs >= nowMs() - keptMs) continue;
      kept -= bytes;
      rmSync(path, { force: true });
    }
  }

  #parts(directory: string): { readonly path: string; readonly bytes: number; readonly leftMs: number }[] {
    return readdirSync(directory).flatMap((name) => {
      const path = join(directory, name);
      if (!partPattern.test(name) || this.#open.has(path.replace(/@\d+$/, ""))) return [];
      const status = statSync(path, { throwIfNoEntry: false });
      if (status === undefined) return [];
      return [{ path, bytes: status.blocks * blockBytes, leftMs: status.mtimeMs }];
    });
  }

  /** Nothing of the blob is needed any more, unless somebody is at it. */
  drop({ digest }: OciDescriptor): void {
    if (this.#directory === undefined) return;
    const path = join(this.#directory, fileNameOf(digest));
    if (!this.#open.has(path)) removeParts(path);
  }

  /** Undefined when this blob is not kept: it is nothing, or somebody else is at it. */
  open(descriptor: OciDescriptor): StagedBlob | undefined {
    if (this.#directory === undefined || descriptor.size === 0) return undefined;
    const path = join(this.#directory, fileNameOf(descriptor.digest));
    if (this.#open.has(path)) return undefined;
    try {
      const blob = new StagedBlob(path, descriptor.size, () => this.#open.delete(path));
      this.#open.add(path);
      return blob;
    } catch {
      return undefined;
    }
  }
}

function fileNameOf(digest: string): string {
  return `${digest.replace(":", "-")}.part`;
}

/** The beginning at `path`, and the pieces from further on. */
function removeParts(path: string): void {
  rmSync(path, { force: true });
  const directory = dirname(path);
  const ahead = `${basename(path)}@`;
  for (const each of readdirSync(directory)) {
    if (each.startsWith(ahead)) rmSync(join(directory, each), { force: true });
  }
}

export class StagedBlob implements Disposable {
  readonly #path: string;
  readonly #released: () => void;
  #fd: number;
  #bytes: number;
  /** The blob's beginning was here already. */
  readonly hadBytes: boolean;

  constructor(path: string, size: number, released: () => void) {
    this.#path = path;
    this.#released = released;
    this.#fd = openSync(path, "a+", 0o600);
    this.#bytes = fstatSync(this.#fd).size;
    if (this.#bytes > size) {
      closeSync(this.#fd);
      this.#fd = openSync(path, "w+", 0o600);
      this.#bytes = 0;
    }
    this.hadBytes = this.#bytes > 0;
  }

  /** The beginning that is here. */
  *read(): Generator<Uint8Array> {
    const end = this.#bytes;
    for (let at = 0; at < end; ) {
      const piece = new Uint8Array(Math.min(readBytes, end - at));
      const count = readSync(this.#fd, piece, 0, piece.length, at);
      if (count === 0) return;
      at += count;
      yield piece.subarray(0, count);
    }
  }

  /** Appends what comes next. */
  append(piece: Uint8Array): void {
    this.#keep(() => {
      for (let at = 0; at < piece.length; ) at += writeSync(this.#fd, piece, at);
      this.#bytes += piece.length;
    });
  }

  /** A piece from further on. */
  keepAhead(offset: number, piece: Uint8Array): void {
    this.#keep(() => {
      writeFileSync(`${this.#path}@${offset}`, piece, { mode: 0o600 });
    });
  }

  /** The piece that was kept for `offset`, when it is whole; it is not kept any longer. */
  takeAhead(offset: number, length: number): Uint8Array | undefined {
    const path = `${this.#path}@${offset}`;
    try {
      if (statSync(path).size !== length) return undefined;
      return readFileSync(path);
    } catch {
      return undefined;
    }
  }

  /** What came from further on has been appended. */
  dropAhead(offset: number): void {
    rmSync(`${this.#path}@${offset}`, { force: true });
  }

  /** The blob is stored, or is not what it should be: nothing of it stays. */
  remove(): void {
    removeParts(this.#path);
    this[Symbol.dispose]();
  }

  /** No more is kept from now on. */
  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
    this.#released();
  }

  #keep(work: () => void): void {
    if (this.#fd < 0) return;
    try {
      work();
    } catch {
      // A full disk is the layer's trouble first; what cannot be kept is fetched again.
      this.remove();
    }
  }
}
