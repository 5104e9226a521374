/** Steps of a build for others: in the image's configuration, or in a directory with their layers. */
import { existsSync } from "node:fs";
import { makeDirectory, openFile, openFlags, renamePath, writeAtomically } from "../../../kernel/files.ts";
import { writeAll } from "../../../kernel/io.ts";
import { randomHex } from "../../../lib/ids.ts";
import type { OciImageConfig } from "../../../oci/mod.ts";
import type { SolvedStep, StepContext } from "../solve/mod.ts";
import { blobPath, type CachedStep, cacheName } from "./cached-steps.ts";

export type { CachedStep } from "./cached-steps.ts";

/** Those that have a key. */
export function cacheSteps(solved: readonly SolvedStep[]): CachedStep[] {
  return solved.flatMap(({ key, tree, createdMs }) =>
    key === undefined || tree.kind !== "layers" ? [] : [{ key, layers: tree.chain, createdMs }],
  );
}

/** Steps whose layers are the image's lowest are told in its configuration. */
export function withInline(
  document: OciImageConfig,
  chain: readonly string[],
  steps: readonly CachedStep[],
): OciImageConfig {
  const own = steps.filter(({ layers }) => layers.every((layer, index) => chain[index] === layer));
  const told = own.map(({ key, layers, createdMs }) => ({ key, layers: layers.length, createdMs }));
  return { ...document, ...{ "tiffin.build.cache": told } };
}

const directoryMode = 0o755;
const nameDigits = 12;

/** With all layers of the steps; those that are there already stay. `onlyOf` leaves out steps that are no part of the result. */
export async function exportLocal(
  step: StepContext,
  destination: string,
  steps: readonly CachedStep[],
): Promise<void> {
  for (const part of ["", "/blobs", "/blobs/sha256"]) makeDirectory(`${destination}${part}`, directoryMode);
  for (const layer of new Set(steps.flatMap(({ layers }) => layers))) {
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
      for await (const piece of step.services.layers.openTar(layer).read()) writeAll(file, piece);
    }
    renamePath(unfinished, path);
  }
  writeAtomically(`${destination}/${cacheName}`, JSON.stringify({ steps }), 0o644);
}
