/** Caches elsewhere that a build may take steps from. One that is not there, or says nothing, is none; that is told. */
import { existsSync } from "node:fs";
import { openFile, openFlags, readBytes } from "../../../kernel/files.ts";
import { readSome } from "../../../kernel/io.ts";
import { messageOf } from "../../../lib/errors.ts";
import { ingestLayer } from "../../image/mod.ts";
import { vertexOf } from "../graph/mod.ts";
import type { CacheImport } from "../outputs.ts";
import { type CacheSource, imageNamed, type StepContext } from "../solve/mod.ts";
import { blobPath, type CachedStep, cacheDocument, cacheName, inlineDocument } from "./cached-steps.ts";

const limitBytes = 64 * 1024 * 1024;

export async function openImports(step: StepContext, wanted: readonly CacheImport[]): Promise<CacheSource[]> {
  const opened = await Promise.all(
    wanted.map(async (one) => {
      try {
        return one.kind === "local" ? localCache(step, one.source) : await imageCache(step, one.reference);
      } catch (thrown) {
        step.signal.throwIfAborted();
        const place = one.kind === "local" ? one.source : one.reference;
        step.report({ kind: "text", text: `[Warning] no cache from ${place}: ${messageOf(thrown)}\n` });
        return undefined;
      }
    }),
  );
  return opened.filter((one) => one !== undefined);
}

function sourceOf(
  steps: readonly CachedStep[],
  fetch: (chain: readonly string[]) => Promise<boolean>,
): CacheSource {
  const byKey = new Map(steps.map((one) => [one.key, one]));
  return {
    find(key) {
      const found = byKey.get(key);
      return found === undefined ? undefined : { chain: found.layers, createdMs: found.createdMs };
    },
    fetch,
  };
}

/** Of an image that has its steps in its configuration. */
async function imageCache(step: StepContext, reference: string): Promise<CacheSource> {
  const operation = { kind: "image", reference, resolve: "default" } as const;
  const vertex = vertexOf({ name: `importing cache manifest from ${reference}`, operation, inputs: [] });
  const { image } = await imageNamed(step, operation, vertex);
  const document: unknown = JSON.parse(
    new TextDecoder().decode(step.services.images.configuration(image.id)),
  );
  const told = inlineDocument(document, "")["tiffin.build.cache"];
  const steps = told.map(({ key, layers, createdMs }) => ({
    key,
    layers: image.chain.slice(0, layers),
    createdMs,
  }));
  for (const layer of image.chain) step.hold.keep(layer);
  return sourceOf(steps, async (chain) => step.snapshots.isThere(chain));
}

const layerId = /^[0-9a-f]{64}$/;

function localCache(step: StepContext, source: string): CacheSource {
  const text = new TextDecoder().decode(readBytes(`${source}/${cacheName}`, limitBytes));
  const { steps } = cacheDocument(JSON.parse(text), "");
  const sound = steps.filter(({ layers }) => layers.every((layer) => layerId.test(layer)));
  return sourceOf(sound, async (chain) => {
    const { layers } = step.services;
    if (!chain.every((layer) => layers.hasLayer(layer) || existsSync(blobPath(source, layer)))) return false;
    for (const layer of chain) {
      if (layers.hasLayer(layer)) step.hold.keep(layer);
      else await ingestLayer(layers, step.hold, piecesOf(blobPath(source, layer)), layer);
    }
    return true;
  });
}

const pieceBytes = 256 * 1024;

async function* piecesOf(path: string): AsyncGenerator<Uint8Array> {
  using file = openFile(undefined, path, openFlags.readOnly);
  const piece = new Uint8Array(pieceBytes);
  for (let got = readSome(file, piece); got > 0; got = readSome(file, piece)) yield piece.slice(0, got);
}
