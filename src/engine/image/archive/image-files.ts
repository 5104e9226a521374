/**
 * What an archive of images holds, read in one pass whatever the order of its members: every member that is a layer becomes one
 * of the store as its bytes come, documents are kept, links are remembered. Which of it belongs to an image is decided
 * when all has been seen.
 */
import { createHash, type Hash } from "node:crypto";
import { type TarEntry, TarReader, tarMembers } from "../../../archive/mod.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { shownName } from "../../../lib/shown-name.ts";
import { isDigest, limitImageDocumentBytes, parseDigest } from "../../../oci/mod.ts";
import type { LayerStore } from "../../layer/mod.ts";
import { compressionOf, decompress } from "../../tree/mod.ts";
import type { LayerHold } from "../image.ts";
import { ingestLayer } from "../ingest-layer.ts";

export type ArchivedFile =
  | {
      readonly kind: "layer";
      /** Hex, of the uncompressed tar. */
      readonly diffId: string;
      /** `sha256:<hex>` of the member itself. */
      readonly digest: string;
      readonly sizeBytes: number;
    }
  | { readonly kind: "document"; readonly bytes: Uint8Array; readonly digest: string }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "other" };

export interface ReadOptions {
  readonly layers: LayerStore;
  readonly hold: LayerHold;
  /** Of what a layer unpacks to. */
  readonly limitBytes: number;
  /** Hears how much of a layer has been read. `name` is the member's. */
  readonly progress: (name: string, currentBytes: number, totalBytes: number) => void;
}

const limitMembers = 100_000;
const limitDocumentsBytes = 64 * 1024 * 1024;
const headBytes = 512;
const limitLinks = 16;

/** The files of an archive by path, without `./`. */
export class ImageFiles {
  readonly #files = new Map<string, ArchivedFile>();
  #documentBytes = 0;

  /** Errors: `archive.*`, and what the store says to a layer. */
  static async read(source: AsyncIterable<Uint8Array>, options: ReadOptions): Promise<ImageFiles> {
    const files = new ImageFiles();
    for await (const { entry, content } of tarMembers(source)) await files.#take(entry, content, options);
    return files;
  }

  /** The file that a path leads to, by links too; undefined when there is none. Throws when a link leads out. */
  find(path: string): ArchivedFile | undefined {
    let at = cleanPath(path);
    for (let links = 0; links < limitLinks; links += 1) {
      const file = this.#files.get(at);
      if (file?.kind !== "link") return file;
      at = cleanPath(file.target);
    }
    throw malformed(`${shownName(path)} is a link to a link, ${limitLinks} times over`);
  }

  /** The document at `path`; `archive.bad-image` when there is something else or nothing. */
  document(path: string): { readonly bytes: Uint8Array; readonly digest: string } {
    const file = this.find(path);
    if (file?.kind === "document") return file;
    throw malformed(`${shownName(path)} is ${found(file)}`);
  }

  /** What stands under a digest in an OCI layout. */
  blob(digest: string): ArchivedFile | undefined {
    return this.find(blobPath(digest));
  }

  async #take(entry: TarEntry, content: AsyncIterable<Uint8Array>, options: ReadOptions): Promise<void> {
    const path = cleanPath(entry.path);
    if (this.#files.size >= limitMembers) throw malformed(`it has more than ${limitMembers} members`);
    const parent = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
    if (entry.type === "symlink")
      this.#files.set(path, { kind: "link", target: `${parent}/${entry.linkTarget}` });
    else if (entry.type === "hardLink") this.#files.set(path, { kind: "link", target: entry.linkTarget });
    else if (entry.type === "file")
      this.#files.set(path, await this.#file(path, entry.sizeBytes, content, options));
  }

  async #file(
    path: string,
    sizeBytes: number,
    content: AsyncIterable<Uint8Array>,
    options: ReadOptions,
  ): Promise<ArchivedFile> {
    const { start, whole } = await peek(content, headBytes);
    const compressed = compressionOf(start) !== undefined;
    if (compressed || isTar(start, sizeBytes))
      return await takeLayer(path, sizeBytes, whole, compressed, options);
    if (sizeBytes > limitImageDocumentBytes) return { kind: "other" };
    this.#documentBytes += sizeBytes;
    if (this.#documentBytes > limitDocumentsBytes) {
      throw malformed(`its documents have more than ${limitDocumentsBytes} bytes`);
    }
    const parts: Uint8Array[] = [];
    for await (const piece of whole) parts.push(new Uint8Array(piece));
    const bytes = new Uint8Array(Buffer.concat(parts));
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    checkName(path, (algorithm) => createHash(algorithm).update(bytes).digest("hex"));
    return { kind: "document", bytes, digest };
  }
}

async function takeLayer(
  path: string,
  sizeBytes: number,
  whole: AsyncIterable<Uint8Array>,
  compressed: boolean,
  { layers, hold, limitBytes, progress }: ReadOptions,
): Promise<ArchivedFile> {
  const named = namedDigest(path);
  // What is there already is the same content: nothing of the member needs to be read.
  if (!compressed && named?.algorithm === "sha256" && layers.hasLayer(named.hex)) {
    hold.keep(named.hex);
    return { kind: "layer", diffId: named.hex, digest: `sha256:${named.hex}`, sizeBytes };
  }
  const own = createHash("sha256");
  const other = named === undefined || named.algorithm === "sha256" ? undefined : createHash(named.algorithm);
  const counted = watched(whole, compressed ? own : undefined, other, (bytes) =>
    progress(path, bytes, sizeBytes),
  );
  const { id } = await ingestLayer(layers, hold, decompress(counted, limitBytes)).catch((thrown: unknown) => {
    throw ofLayer(path, thrown);
  });
  // The tar's end mark may come before the end of the member.
  for await (const _rest of counted);
  const hex = compressed ? own.digest("hex") : id;
  checkName(path, (algorithm) => (algorithm === "sha256" ? hex : (other?.digest("hex") ?? "")));
  return { kind: "layer", diffId: id, digest: `sha256:${hex}`, sizeBytes };
}

/** With the name of the layer, which who unpacks does not know. */
function ofLayer(path: string, thrown: unknown): unknown {
  if (!(thrown instanceof TiffinError) || thrown.kind !== "invalid") return thrown;
  const text = `cannot load the archive: layer ${shownName(path)}: ${thrown.message}`;
  return new TiffinError(thrown.kind, thrown.code, text, { cause: thrown });
}

/** What stands where a document was looked for. */
function found(file: Exclude<ArchivedFile, { readonly kind: "document" }> | undefined): string {
  if (file === undefined) return "not in it";
  if (file.kind === "layer") return "a layer and no document";
  return `no document: those have at most ${limitImageDocumentBytes} bytes`;
}

/** A blob of an OCI layout is named by its digest, which must be right. */
function checkName(path: string, digestOf: (algorithm: string) => string): void {
  const named = namedDigest(path);
  if (named === undefined) return;
  const found = digestOf(named.algorithm);
  if (found === named.hex) return;
  throw malformed(`${path} has the digest ${named.algorithm}:${found}`);
}

function namedDigest(path: string): ReturnType<typeof parseDigest> {
  const match = /^blobs\/([^/]+)\/([^/]+)$/.exec(path);
  return match === null ? undefined : parseDigest(`${match[1]}:${match[2]}`);
}

export function blobPath(digest: string): string {
  if (!isDigest(digest)) throw malformed(`${shownName(digest)} is no digest`);
  return `blobs/${digest.replace(":", "/")}`;
}

export function malformed(what: string): TiffinError {
  return new TiffinError("invalid", "archive.bad-image", `cannot load the archive: ${what}`);
}

/** Without `.`, empty parts and `..`; one that leads out of the archive is refused. */
function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) {
      throw new TiffinError(
        "invalid",
        "archive.escapes",
        `cannot load the archive: ${shownName(path)} leads out of it`,
      );
    }
  }
  return parts.join("/");
}

/** The first bytes, at least `least` of them if there are so many, and all of it. */
async function peek(
  content: AsyncIterable<Uint8Array>,
  least: number,
): Promise<{ readonly start: Uint8Array; readonly whole: AsyncIterable<Uint8Array> }> {
  const rest = content[Symbol.asyncIterator]();
  let start: Uint8Array = new Uint8Array(0);
  while (start.length < least) {
    const next = await rest.next();
    if (next.done === true) break;
    // A piece is valid only until the next is asked for.
    start = Buffer.concat([start, next.value]);
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    if (start.length > 0) yield start;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  }
  return { start, whole: whole() };
}

/** A header whose checksum holds, or nothing but an end mark. */
function isTar(start: Uint8Array, sizeBytes: number): boolean {
  if (start.length < headBytes) return false;
  const block = start.subarray(0, headBytes);
  if (block.every((byte) => byte === 0)) return sizeBytes % headBytes === 0;
  try {
    let entries = 0;
    const reader = new TarReader({
      entry() {
        entries += 1;
      },
      content() {},
      hole() {},
      endOfEntry() {},
    });
    reader.push(block);
    // An extended header is none of an entry.
    return entries === 1 || /^[xgLKS]$/.test(String.fromCharCode(block[156] ?? 0));
  } catch {
    return false;
  }
}

const progressStepBytes = 1024 * 1024;

/** Passes bytes on, digested and counted. To be read by several loops, one after the other. */
function watched(
  source: AsyncIterable<Uint8Array>,
  own: Hash | undefined,
  other: Hash | undefined,
  progress: (bytes: number) => void,
): AsyncIterable<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]();
  let bytes = 0;
  let told = 0;
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const next = await pieces.next();
        if (next.done === true) {
          if (told !== bytes) progress(bytes);
          told = bytes;
          return next;
        }
        own?.update(next.value);
        other?.update(next.value);
        bytes += next.value.length;
        if (bytes - told >= progressStepBytes) {
          progress(bytes);
          told = bytes;
        }
        return next;
      },
    }),
  };
}
