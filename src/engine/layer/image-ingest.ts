/** A layer that comes in as a stream and becomes an image: put in order, counted and digested as its bytes come. */
import { createHash } from "node:crypto";
import { type ErofsImage, ErofsWriter, TarReader } from "../../archive/mod.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { ImageFile } from "./image-file.ts";
import type { LayerIngest, StoredLayer } from "./layer-store.ts";
import { checkDigest } from "./wanted-digest.ts";

/** What is known of an image once it is written. */
export interface WrittenImage extends Pick<ErofsImage, "imageBytes" | "top"> {
  readonly checkSum: string;
}

export interface ImageIngestEnds {
  /** Makes it a layer. */
  keep(layer: StoredLayer, image: WrittenImage): void;
  discard(): void;
}

export class ImageIngest implements LayerIngest {
  readonly #file: ImageFile;
  readonly #writer: ErofsWriter;
  readonly #reader: TarReader;
  readonly #ends: ImageIngestEnds;
  readonly #digest = createHash("sha256");
  #open = true;

  /** The image is made at `path`. */
  constructor(path: string, ends: ImageIngestEnds) {
    this.#ends = ends;
    this.#file = new ImageFile(path);
    const [hashSeed = 0] = crypto.getRandomValues(new Uint32Array(1));
    this.#writer = new ErofsWriter(this.#file, { hashSeed });
    this.#reader = new TarReader(this.#writer);
  }

  push(piece: Uint8Array): void {
    this.#digest.update(piece);
    writing(() => this.#reader.push(piece));
  }

  finish(wanted?: string): StoredLayer {
    this.#reader.end();
    const id = this.#digest.digest("hex");
    checkDigest(id, wanted);
    const image = writing(() => {
      const { imageBytes, top } = this.#writer.finish();
      return { imageBytes, top, checkSum: this.#file.finish() };
    });
    const layer = { id, bytes: this.#writer.fileBytes };
    this.#ends.keep(layer, image);
    this.#close();
    return layer;
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#close();
    this.#ends.discard();
  }

  #close(): void {
    this.#open = false;
    this.#file[Symbol.dispose]();
  }
}

const full: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

function writing<T>(write: () => T): T {
  try {
    return write();
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    const kind = full.has(thrown.code) ? "unavailable" : "internal";
    throw new TiffinError(kind, "layer.write-failed", `cannot write the layer: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}
