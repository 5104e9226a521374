/**
 * Images of a distribution's shape, the same in every run: files of which nine in ten are small, text and random bytes in them
 * so mixed that gzip leaves 44 %. Made here, so that every machine measures the same.
 */
import { createHash } from "node:crypto";
import { endOfArchive, headerOf, padding, type TarEntry } from "../../src/archive/mod.ts";

export interface ImageShape {
  readonly files: number;
  readonly bytes: number;
  readonly layers: number;
}

/** What most images are like, and what all figures but a few are of. */
export const usualShape: ImageShape = { files: 7000, bytes: 250e6, layers: 1 };

export interface MadeLayer {
  readonly tar: Uint8Array;
  readonly diffId: string;
}

export interface MadeImage {
  readonly layers: readonly MadeLayer[];
  readonly configuration: Uint8Array;
}

const runBytes = 4096;
const randomShare = 0.1;
const wordCount = 2048;
/** Words are as unequally frequent as those of a language. */
const skew = 3;
const poolBytes = 32 * 1024 * 1024;

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** The same numbers for the same seed. (mulberry32) */
export function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

let pool: Uint8Array | undefined;

/** Text and random bytes, of which files are cut. */
function contents(): Uint8Array {
  if (pool !== undefined) return pool;
  const next = numbers(1);
  const words = Array.from({ length: wordCount }, () => {
    const letters = Array.from({ length: 2 + Math.floor(next() * 9) }, () => 97 + Math.floor(next() * 26));
    return `${String.fromCharCode(...letters)} `;
  });
  const made = Buffer.alloc(poolBytes);
  for (let at = 0; at < poolBytes; at += runBytes) {
    if (next() < randomShare) {
      for (let index = 0; index < runBytes; index += 4) made.writeUInt32LE(next() * 2 ** 32, at + index);
      continue;
    }
    let text = "";
    while (text.length < runBytes) text += words[Math.floor(next() ** skew * wordCount)] ?? "";
    made.write(text.slice(0, runBytes), at, "latin1");
  }
  pool = made;
  return made;
}

export function tarEntry(path: string, sizeBytes: number, mode = 0o644): TarEntry {
  return {
    type: path.endsWith("/") ? "directory" : "file",
    path: path.replace(/\/$/, ""),
    mode,
    uid: 0,
    gid: 0,
    sizeBytes,
    modifiedAtNs: 1_700_000_000_000_000_000n,
    linkTarget: "",
    deviceMajor: 0,
    deviceMinor: 0,
    attributes: new Map(),
  };
}

export type MadeFile = readonly [path: string, content: Uint8Array, mode?: number];

export function layerOf(files: readonly MadeFile[], directories: readonly string[] = []): MadeLayer {
  const pieces: Uint8Array[] = directories.map((path) => headerOf(tarEntry(`${path}/`, 0, 0o755)));
  for (const [path, content, mode] of files) {
    pieces.push(headerOf(tarEntry(path, content.length, mode)), content, padding(content.length));
  }
  const tar = Buffer.concat([...pieces, endOfArchive]);
  return { tar, diffId: sha256(tar) };
}

export function imageOf(layers: readonly MadeLayer[], label = ""): MadeImage {
  const configuration = {
    created: "2026-01-01T00:00:00Z",
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: { Cmd: ["/bin/sh"], Labels: { label } },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created: "2026-01-01T00:00:00Z", created_by: "bench" })),
  };
  return { layers, configuration: new TextEncoder().encode(JSON.stringify(configuration)) };
}

/** `variant` makes other contents of the same sizes; `first` numbers the files. */
function distributionLayer(files: number, bytes: number, first: number, variant: number): MadeLayer {
  const from = contents();
  const small = Math.floor(files * 0.9);
  const smallBytes = Math.floor((bytes * 0.2) / small);
  const largeBytes = Math.floor((bytes * 0.8) / (files - small));
  let at = Math.floor(numbers(first + variant * 7919 + 1)() * poolBytes);
  const made = Array.from({ length: files }, (_, index): MadeFile => {
    const sizeBytes = index % 10 === 9 ? largeBytes : smallBytes;
    if (at + sizeBytes > poolBytes) at = index;
    const content = from.subarray(at, at + sizeBytes);
    at += sizeBytes;
    const number = first + index;
    return [`data/package${Math.floor(number / 50)}/file${number}`, content];
  });
  return layerOf(made);
}

/** The layers of such an image; the last `changed` of them are others than without. */
export function distribution({ files, bytes, layers }: ImageShape, changed = 0): MadeLayer[] {
  return Array.from({ length: layers }, (_, index) =>
    distributionLayer(
      files / layers,
      bytes / layers,
      (index * files) / layers,
      index >= layers - changed ? 1 : 0,
    ),
  );
}

/** What `load` of every engine takes: members in an order in which the documents come last. */
export function dockerArchive(
  images: readonly { readonly image: MadeImage; readonly reference: string }[],
): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const member = (path: string, content: Uint8Array): void =>
    void pieces.push(headerOf(tarEntry(path, content.length)), content, padding(content.length));
  const written = new Set<string>();
  const rows = images.map(({ image, reference }) => {
    const names = image.layers.map(({ tar, diffId }) => {
      const name = `${diffId.slice("sha256:".length)}.tar`;
      if (!written.has(name)) member(name, tar);
      written.add(name);
      return name;
    });
    const config = `${sha256(image.configuration).slice("sha256:".length)}.json`;
    member(config, image.configuration);
    return { Config: config, RepoTags: [reference], Layers: names };
  });
  member("manifest.json", new TextEncoder().encode(JSON.stringify(rows)));
  pieces.push(endOfArchive);
  return pieces;
}
