/** Steps of a build for others: in the image's configuration, in a directory with their layers, or in a registry. */
import { existsSync } from "node:fs";
import { parseReference } from "../../../docker/reference.ts";
import { makeDirectory, openFile, openFlags, renamePath, writeAtomically } from "../../../kernel/files.ts";
import { writeAll } from "../../../kernel/io.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { randomHex } from "../../../lib/ids.ts";
import type { OciDescriptor, OciImageConfig } from "../../../oci/mod.ts";
import { credentialsFor } from "../../image/mod.ts";
import type { SolvedStep, StepContext } from "../solve/mod.ts";
import { piecesOf } from "./archive-file.ts";
import {
  blobPath,
  type CacheContents,
  type CachedStep,
  cacheField,
  cacheName,
  layersOf,
} from "./cached-steps.ts";
import { findRegistryCache } from "./registry-cache.ts";

/** Steps that add one layer, and have a key. `onlyOf` leaves out those that are no part of any of these results. */
export function cacheSteps(
  solved: readonly SolvedStep[],
  onlyOf: readonly (readonly string[])[] | undefined,
): CachedStep[] {
  return solved.flatMap(({ key, tree, createdMs }) => {
    if (key === undefined || tree.kind !== "layers") return [];
    const { chain } = tree;
    const layer = chain.at(-1);
    const isPart = onlyOf?.some((whole) => chain.every((each, index) => whole[index] === each)) ?? true;
    return layer === undefined || !isPart ? [] : [{ key, layer, createdMs }];
  });
}

/** Steps whose layers are the image's lowest are told in its configuration. */
export function withInline(
  document: OciImageConfig,
  chain: readonly string[],
  solved: readonly SolvedStep[],
): OciImageConfig {
  const told = solved.flatMap((one) => {
    const [step] = cacheSteps([one], [chain]);
    if (step === undefined || one.tree.kind !== "layers") return [];
    return [{ key: step.key, layers: one.tree.chain.length, createdMs: step.createdMs }];
  });
  return { ...document, ...{ "tiffin.build.cache": told } };
}

const directoryMode = 0o755;
const nameDigits = 12;

/** What a cache says, and the archives of its mounts by digest. */
export interface ExportedCache {
  readonly contents: CacheContents;
  readonly archives: ReadonlyMap<string, string>;
}

function openerOf({ services }: StepContext, { archives }: ExportedCache) {
  return (layer: string): AsyncIterable<Uint8Array> => {
    const path = archives.get(layer);
    return path === undefined ? services.layers.openTar(layer).read() : piecesOf(path);
  };
}

/** With all layers that it speaks of; those that are there already stay. */
export async function exportLocal(
  step: StepContext,
  destination: string,
  cache: ExportedCache,
): Promise<void> {
  const { contents } = cache;
  const open = openerOf(step, cache);
  for (const part of ["", "/blobs", "/blobs/sha256"]) makeDirectory(`${destination}${part}`, directoryMode);
  for (const layer of layersOf(contents)) {
    step.signal.throwIfAborted();
    const path = blobPath(destination, layer);
    if (existsSync(path)) continue;
    const unfinished = `${destination}/blobs/${randomHex(nameDigits)}`;
    {
      using file = openFile(
        undefined,
        unfinished,
        openFlags.writeOnly | openFlags.create | openFlags.exclusive,
        { mode: 0o644 },
      );
      for await (const piece of open(layer)) writeAll(file, piece);
    }
    renamePath(unfinished, path);
  }
  writeAtomically(`${destination}/${cacheName}`, JSON.stringify(contents), 0o644);
}

const encoder = new TextEncoder();

/**
 * As a manifest with a configuration of its own, so that any registry keeps it. Blobs that the cache there has already are not sent again:
 * whether they are what it says is found out by whoever takes them.
 */
export async function exportRegistry(
  step: StepContext,
  written: string,
  cache: ExportedCache,
): Promise<void> {
  const { contents } = cache;
  const open = openerOf(step, cache);
  const reference = parseReference(written);
  if (reference.digest !== undefined) {
    throw new TiffinError("invalid", "build.cache-place", `cannot put a cache to ${written}: wanted a tag`);
  }
  const { services, signal, inputs } = step;
  const { registry, host } = services;
  const auth = await inputs.credentials(reference.domain);
  const there = await blobsThere(step, written);
  const ids = layersOf(contents);
  const configuration = {
    architecture: host.architecture,
    os: host.os,
    config: {},
    rootfs: { type: "layers", diff_ids: ids.map((id) => `sha256:${id}`) },
    history: [],
    [cacheField]: contents,
  };
  await registry.pushImage(
    {
      reference: { ...reference, tag: reference.tag ?? "latest" },
      configBytes: encoder.encode(JSON.stringify(configuration)),
      layers: ids.map((id) => {
        const descriptor = there.get(id);
        return {
          diffId: `sha256:${id}`,
          ...(descriptor !== undefined && { descriptor }),
          sources: [],
          openTar: () => open(id),
        };
      }),
      ...credentialsFor(reference.domain, auth),
    },
    () => {},
    signal,
  );
}

/** What an earlier build has put there, by layer; nothing where nothing can be had. */
async function blobsThere(step: StepContext, written: string): Promise<ReadonlyMap<string, OciDescriptor>> {
  try {
    const found = await findRegistryCache(step, written);
    return new Map(found.layers);
  } catch {
    step.signal.throwIfAborted();
    return new Map();
  }
}
