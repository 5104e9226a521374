/** A layer that comes in as a stream and becomes an image: put in order, counted and digested as its bytes come. */
import { createHash } from "node:crypto";
import { type ErofsImage, ErofsWriter, TarReader, type TarSink } from "../../archive/mod.ts";
import { ImageFile } from "./image-file.ts";
import type { LayerIngest, StoredLayer } from "./layer-store.ts";
import { SkeletonFile } from "./skeleton-file.ts";
import { checkDigest } from "./wanted-digest.ts";
import { writing } from "./write-failure.ts";

/** What is known of an image once it is written. */
export interface WrittenImage extends Pick<ErofsImage, "imageBytes" | "top"> {
  readonly checkSum: string;
}

export interface ImageIngestEnds {
  /** Makes it a layer. */
  keep(layer: StoredLayer, image: WrittenImage, tarBytes: number): void;
  discard(): void;
}

export class ImageIngest implements LayerIngest {
  readonly #file: ImageFile;
  readonly #writer: ErofsWriter;
  readonly #reader: TarReader;
  readonly #ends: ImageIngestEnds;
  readonly #digest = createHash("sha256");
  readonly #skeleton: SkeletonFile;
  #tarBytes = 0;
  #open = true;

  /** The image and the skeleton of the tar are made at these paths. Files may have holes of `limitBytes`. */
  constructor(path: string, skeletonPath: string, limitBytes: number | undefined, ends: ImageIngestEnds) {
    this.#ends = ends;
    this.#file = new ImageFile(path);
    try {
      this.#skeleton = new SkeletonFile(skeletonPath);
    } catch (thrown) {
      this.#file[Symbol.dispose]();
      throw thrown;
    }
    const [hashSeed = 0] = crypto.getRandomValues(new Uint32Array(1));
    this.#writer = new ErofsWriter(this.#file, { hashSeed });
    const writer = this.#writer;
    const skeleton = this.#skeleton;
    const sink: TarSink = {
      entry: (entry) => writer.entry(entry),
      content: (piece) => writer.content(piece),
      hole: (bytes) => writer.hole(bytes),
      endOfEntry: () => writer.endOfEntry(),
      skeleton: (piece) => skeleton.append(piece),
    };
    this.#reader = new TarReader(sink, limitBytes);
  }

  push(piece: Uint8Array): void {
    this.#digest.update(piece);
    this.#tarBytes += piece.length;
    writing(() => this.#reader.push(piece));
  }

  async settle(): Promise<void> {
    try {
      await this.#file.settle();
    } catch (thrown) {
      // Told once: a second attempt would hear of nothing.
      writing(() => {
        throw thrown;
      });
    }
  }

  finish(wanted?: string, announce?: (id: string) => void): StoredLayer {
    this.#reader.end();
    const id = this.#digest.digest("hex");
    checkDigest(id, wanted);
    announce?.(id);
    const image = writing(() => {
      this.#skeleton.finish();
      const { imageBytes, top } = this.#writer.finish();
      return { imageBytes, top, checkSum: this.#file.finish() };
    });
    const layer = { id, bytes: this.#writer.fileBytes };
    this.#ends.keep(layer, image, this.#tarBytes);
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
    this.#skeleton[Symbol.dispose]();
  }
}
