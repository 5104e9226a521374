/** Caches elsewhere that a build may take steps from. One that is not there, or says nothing, is none; that is told. */
import { existsSync } from "node:fs";
import { normaliseReference, parseReference } from "../../../docker/reference.ts";
import { readToEnd } from "../../../kernel/io.ts";
import { messageOf } from "../../../lib/errors.ts";
import { own } from "../../../lib/own.ts";
import { ingestLayer } from "../../image/mod.ts";
import type { CacheImport } from "../outputs.ts";
import type { CacheSource, StepContext } from "../solve/mod.ts";
import { openPlainFile, piecesOf, writeArchive } from "./archive-file.ts";
import {
  blobPath,
  type CacheContents,
  cacheDocument,
  cacheField,
  cacheName,
  inlineDocument,
  registryDocument,
  soundContents,
} from "./cached-steps.ts";
import { fetchLayer, findRegistryCache } from "./registry-cache.ts";

const limitBytes = 64 * 1024 * 1024;

export async function openImports(step: StepContext, wanted: readonly CacheImport[]): Promise<CacheSource[]> {
  const opened = await Promise.all(
    wanted.map(async (one) => {
      const place = one.kind === "local" ? one.source : one.reference;
      const tell = (thrown: unknown): void => {
        step.signal.throwIfAborted();
        step.report({ kind: "text", text: `[Warning] no cache from ${place}: ${messageOf(thrown)}\n` });
      };
      try {
        const found = one.kind === "local" ? localCache(step, one.source) : await imageCache(step, place);
        return sourceOf(found, { step, mounts: one.mounts === true, tell });
      } catch (thrown) {
        tell(thrown);
        return undefined;
      }
    }),
  );
  return opened.filter((one) => one !== undefined);
}

/** A cache whose documents are here. */
interface OpenedCache {
  readonly contents: CacheContents;
  /** Throws where the layer cannot be had, or is another one. */
  readonly fetch: (layer: string) => Promise<void>;
  /** The archive of a cache mount as a file, likewise. */
  readonly archive: (digest: string) => Promise<string>;
}

interface SourceWishes {
  readonly step: StepContext;
  readonly mounts: boolean;
  readonly tell: (thrown: unknown) => void;
}

const latestMs = 253_402_300_799_999;

function sourceOf(cache: OpenedCache, { step, mounts, tell }: SourceWishes): CacheSource {
  const { layers } = step.services;
  const steps = new Map(cache.contents.steps.map((one) => [one.key, one]));
  const directories = new Map(mounts ? cache.contents.mounts.map(({ name, layer }) => [name, layer]) : []);
  return {
    tell,
    step(key) {
      const found = steps.get(key);
      if (found === undefined) return undefined;
      const isTime = found.createdMs >= 0 && found.createdMs <= latestMs;
      return { layer: found.layer, createdMs: isTime ? found.createdMs : 0 };
    },
    async mount(name) {
      const digest = directories.get(name);
      if (digest === undefined) return undefined;
      try {
        return await cache.archive(digest);
      } catch (thrown) {
        tell(thrown);
        return undefined;
      }
    },
    async fetch(layer) {
      try {
        if (layers.hasLayer(layer)) step.hold.keep(layer);
        else await cache.fetch(layer);
        return true;
      } catch (thrown) {
        tell(thrown);
        return false;
      }
    },
  };
}

/** A cache in a registry, or an image that has its steps in its configuration: one of that name which is here comes first. */
async function imageCache(step: StepContext, written: string): Promise<OpenedCache> {
  const { images } = step.services;
  const id = images.idOf(normaliseReference(parseReference(written)));
  const image = id === undefined ? undefined : images.byId(id);
  if (image !== undefined) {
    const document: unknown = JSON.parse(new TextDecoder().decode(images.configuration(image.id)));
    if (isObject(document) && own(document, inlineField) !== undefined) {
      return { contents: inlineContents(document, image.chain), fetch: notHere, archive: notHere };
    }
  }
  const found = await findRegistryCache(step, written);
  const { document, layers } = found;
  const ids = layers.map(([layer]) => layer);
  const told = isObject(document) && own(document, cacheField) !== undefined;
  const contents = told
    ? soundContents(registryDocument(document, "")[cacheField])
    : inlineContents(document, ids);
  const known = new Set(ids);
  return {
    // It speaks of its own layers only.
    contents: {
      steps: contents.steps.filter(({ layer }) => known.has(layer)),
      mounts: contents.mounts.filter(({ layer }) => known.has(layer)),
    },
    async fetch(layer) {
      await fetchLayer(step, found, layer, {
        verifiesDiffIds: true,
        hasLayer: () => step.services.layers.hasLayer(layer),
        takeLayer: async (_, tar) => void (await ingestLayer(step.services.layers, step.hold, tar, layer)),
      });
    },
    async archive(digest) {
      let path = "";
      await fetchLayer(step, found, digest, {
        hasLayer: () => false,
        async takeLayer(_, tar) {
          ({ path } = await writeArchive(step, tar, digest));
        },
      });
      return path;
    },
  };
}

const inlineField = "tiffin.build.cache";

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function inlineContents(document: unknown, chain: readonly string[]): CacheContents {
  if (!isObject(document) || own(document, inlineField) === undefined) {
    throw new Error("it is an image, or something else, that tells of no steps");
  }
  const steps = inlineDocument(document, "")[inlineField].flatMap(({ key, layers, createdMs }) => {
    const layer = layers > 0 ? chain[layers - 1] : undefined;
    return layer === undefined ? [] : [{ key, layer, createdMs }];
  });
  return { steps, mounts: [] };
}

async function notHere(layer: string): Promise<never> {
  throw new Error(`layer ${layer} is not here any more`);
}

function localCache(step: StepContext, source: string): OpenedCache {
  using file = openPlainFile(`${source}/${cacheName}`);
  const text = new TextDecoder().decode(readToEnd(file, limitBytes));
  const { steps, mounts } = soundContents(cacheDocument(JSON.parse(text), ""));
  const isThere = ({ layer }: { readonly layer: string }): boolean => existsSync(blobPath(source, layer));
  return {
    contents: { steps: steps.filter(isThere), mounts: mounts.filter(isThere) },
    fetch: async (layer) =>
      void (await ingestLayer(step.services.layers, step.hold, piecesOf(blobPath(source, layer)), layer)),
    archive: async (digest) => (await writeArchive(step, piecesOf(blobPath(source, digest)), digest)).path,
  };
}
