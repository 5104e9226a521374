/** A layer that comes in as a stream and becomes a directory: unpacked, counted and digested as its bytes come. */
import { createHash } from "node:crypto";
import { openDirectory } from "../../kernel/files.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { startSync } from "../../kernel/started-sync.ts";
import { pause } from "../../lib/timer.ts";
import { Unpacking } from "../tree/mod.ts";
import { diskBytesBelow, diskBytesInTurns } from "./disk-size.ts";
import type { LayerIngest, StoredLayer } from "./layer-store.ts";
import { SkeletonFile, skeletonName } from "./skeleton-file.ts";
import { checkDigest } from "./wanted-digest.ts";
import { writing } from "./write-failure.ts";

/** Less than this is on disk at once. */
const settledBytes = 1024 * 1024;
const lookEveryMs = 2;

export interface IngestEnds {
  /** Makes it a layer. */
  keep(layer: StoredLayer, tarBytes: number, diskBytes: number | undefined): void;
  discard(): void;
}

export class DirectoryIngest implements LayerIngest {
  readonly #root: OwnedFd;
  readonly #unpacking: Unpacking;
  readonly #ends: IngestEnds;
  readonly #digest = createHash("sha256");
  readonly #skeleton: SkeletonFile;
  readonly #tree: string;
  #diskBytes: number | undefined;
  #tarBytes = 0;
  #open = true;

  /** `directory` has an empty directory `diff` for the tree. Files may have holes of `limitBytes`. */
  constructor(directory: string, limitBytes: number | undefined, ends: IngestEnds) {
    this.#ends = ends;
    this.#tree = `${directory}/diff`;
    this.#root = openDirectory(this.#tree);
    try {
      this.#skeleton = new SkeletonFile(`${directory}/${skeletonName}`);
    } catch (thrown) {
      this.#root[Symbol.dispose]();
      throw thrown;
    }
    this.#unpacking = new Unpacking({
      root: this.#root,
      directory: "/",
      keepTypes: false,
      owner: undefined,
      firstHostId: 0,
      whiteouts: true,
      ...(limitBytes !== undefined && { limitHoleBytes: limitBytes }),
      skeleton: (piece) => writing(() => this.#skeleton.append(piece)),
    });
  }

  push(piece: Uint8Array): void {
    this.#digest.update(piece);
    this.#tarBytes += piece.length;
    this.#unpacking.push(piece);
  }

  async settle(): Promise<void> {
    if (this.#tarBytes < settledBytes) return;
    this.#diskBytes = await diskBytesInTurns(this.#tree);
    const sync = startSync(this.#tree);
    while (sync?.isRunning() === true) await pause(lookEveryMs);
  }

  finish(wanted?: string, announce?: (id: string) => void): StoredLayer {
    this.#unpacking.finish();
    const id = this.#digest.digest("hex");
    checkDigest(id, wanted);
    writing(() => this.#skeleton.finish());
    announce?.(id);
    const layer = { id, bytes: this.#unpacking.fileBytes };
    this.#ends.keep(layer, this.#tarBytes, this.#diskBytes ?? diskBytesBelow(this.#tree));
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
    this.#unpacking[Symbol.dispose]();
    this.#root[Symbol.dispose]();
    this.#skeleton[Symbol.dispose]();
  }
}
