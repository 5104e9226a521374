/**
 * A layer as a tar stream again: its skeleton with the content of its files put back, or, for a layer that has no skeleton, as the
 * walk of its tree gives it. Whichever way, what leaves is checked: it has the digest that the layer is named by, or it ends
 * in an error.
 */
import { createHash } from "node:crypto";
import { type TarEntry, TarReader } from "../../archive/mod.ts";
import { descriptorStatus } from "../../kernel/directory.ts";
import { openDirectory, openFlags, openInRoot } from "../../kernel/files.ts";
import { readAt } from "../../kernel/io.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { PlainEntry } from "../../kernel/plain-entry.ts";
import { Breather } from "../../lib/breather.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { packLayer } from "../tree/mod.ts";
import { closeLowers, type LayerTar, type Lower } from "./layer-store.ts";
import { treeLayerOf } from "./root-layers.ts";

const outputBytes = 256 * 1024;

export interface LayerTarSource {
  /** Path of the skeleton's file. */
  readonly skeleton: string;
  /** Undefined where there is no skeleton. */
  readonly tarBytes: number | undefined;
  readonly open: () => Lower;
}

export function layerTar(id: string, source: LayerTarSource): LayerTar {
  return {
    async bytes() {
      if (source.tarBytes !== undefined) return source.tarBytes;
      let bytes = 0;
      for await (const piece of walked(source)) bytes += piece.length;
      return bytes;
    },
    read: () => checked(id, source.tarBytes === undefined ? walked(source) : rebuilt(source)),
  };
}

async function* checked(id: string, tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const digest = createHash("sha256");
  for await (const piece of tar) {
    digest.update(piece);
    yield piece;
  }
  const found = digest.digest("hex");
  if (found === id) return;
  throw otherTar(`layer ${id} gives a tar with the digest sha256:${found}`);
}

function otherTar(what: string, cause?: unknown): TiffinError {
  return new TiffinError(
    "internal",
    "layer.other-tar",
    `${what}: its files have changed on disk, or its archive named one twice`,
    {
      remedy: "look at it with: tiffin image check",
      cause,
    },
  );
}

async function* walked({ open }: LayerTarSource): AsyncGenerator<Uint8Array> {
  const lower = open();
  try {
    using top = PlainEntry.ofLayer(treeLayerOf(lower));
    yield* packLayer(top, { firstHostId: 0 }).bytes;
  } finally {
    closeLowers([lower]);
  }
}

async function* rebuilt({ skeleton, open }: LayerTarSource): AsyncGenerator<Uint8Array> {
  const lower = open();
  try {
    using root = lower.kind === "image" ? openDirectory(".", lower.mount) : openDirectory(lower.path);
    const rebuilding = new Rebuilding(root);
    const frames = Bun.file(skeleton).stream().pipeThrough(new DecompressionStream("zstd"));
    const breather = new Breather();
    for await (const piece of frames) {
      for (const part of rebuilding.take(piece)) {
        yield part;
        await breather.breathe();
      }
    }
    yield* rebuilding.rest();
  } finally {
    closeLowers([lower]);
  }
}

/** Puts skeleton and content together, in pieces of one size. */
class Rebuilding {
  readonly #root: OwnedFd;
  readonly #reader: TarReader;
  readonly #output = new Uint8Array(outputBytes);
  #filled = 0;
  #entry: TarEntry | undefined;

  constructor(root: OwnedFd) {
    this.#root = root;
    this.#reader = new TarReader({
      entry: (entry) => {
        this.#entry = entry;
      },
      content() {},
      hole() {},
      endOfEntry() {},
    });
  }

  *take(skeleton: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < skeleton.length; ) {
      const taken = this.#reader.pushToContent(skeleton.subarray(at));
      yield* this.#put(skeleton.subarray(at, at + taken));
      at += taken;
      const entry = this.#entry;
      this.#entry = undefined;
      if (entry !== undefined && entry.sizeBytes > 0) yield* this.#content(entry);
    }
  }

  *rest(): Generator<Uint8Array> {
    if (this.#filled > 0) yield this.#output.subarray(0, this.#filled);
    this.#filled = 0;
  }

  *#put(bytes: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; ) {
      const taken = Math.min(outputBytes - this.#filled, bytes.length - at);
      this.#output.set(bytes.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === outputBytes) yield* this.rest();
    }
  }

  *#content(entry: TarEntry): Generator<Uint8Array> {
    using file = this.#open(entry);
    for (const { atBytes, bytes } of entry.segments ?? [{ atBytes: 0, bytes: entry.sizeBytes }]) {
      for (let done = 0; done < bytes; ) {
        const room = Math.min(bytes - done, outputBytes - this.#filled);
        const piece = this.#output.subarray(this.#filled, this.#filled + room);
        const got = readAt(file, piece, atBytes + done).length;
        if (got < room) throw otherTar(`${JSON.stringify(entry.path)} of the layer has lost its end`);
        this.#reader.push(piece);
        this.#filled += got;
        done += got;
        if (this.#filled === outputBytes) yield* this.rest();
      }
    }
  }

  /** The file that the member became: of its length, and no link. */
  #open({ path, sizeBytes }: TarEntry): OwnedFd {
    let file: OwnedFd;
    try {
      // Not to be stopped by a pipe that has taken its place.
      file = openInRoot(this.#root, path, openFlags.readOnly | openFlags.noFollow | openFlags.nonBlocking);
    } catch (thrown) {
      throw otherTar(`${JSON.stringify(path)} of the layer cannot be read: ${messageOf(thrown)}`, thrown);
    }
    const status = descriptorStatus(file);
    if (status.type === "file" && status.sizeBytes === sizeBytes) return file;
    file[Symbol.dispose]();
    throw otherTar(`${JSON.stringify(path)} of the layer is not the file of ${sizeBytes} bytes that it was`);
  }
}
