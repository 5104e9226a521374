/** Cache mounts that go along with a cache elsewhere, each as an archive, and come back as what a new one begins with. */
import { listDirectory, removeTreeInSlices } from "../../../kernel/directory.ts";
import { openDirectory, openFile, openFlags } from "../../../kernel/files.ts";
import { PlainEntry } from "../../../kernel/plain-entry.ts";
import { packTree, unpack } from "../../tree/mod.ts";
import {
  type CacheMounts,
  type CacheSource,
  cacheMountNames,
  type SolvedStep,
  type StepContext,
} from "../solve/mod.ts";
import { piecesOf, writeArchive } from "./archive-file.ts";
import type { CachedMount } from "./cached-steps.ts";

export interface CarriedMounts {
  readonly mounts: readonly CachedMount[];
  /** By digest. */
  readonly archives: ReadonlyMap<string, string>;
}

/** Those that the steps have, also steps that were not done again, as far as they are here. */
export async function carriedMounts(
  step: StepContext,
  caches: CacheMounts,
  solved: readonly SolvedStep[],
): Promise<CarriedMounts> {
  const there = new Set(caches.names());
  const mounts: CachedMount[] = [];
  const archives = new Map<string, string>();
  for (const name of await cacheMountNames(step, solved)) {
    if (!there.has(name)) continue;
    step.signal.throwIfAborted();
    using top = PlainEntry.ofLayer(caches.pathOf(name));
    const { path, digest } = await writeArchive(step, packTree(top, "", { firstHostId: () => 0 }));
    mounts.push({ name, layer: digest });
    archives.set(digest, path);
  }
  return { mounts, archives };
}

/** Puts into a new directory what the first of the sources has for it. False: none of them has anything. */
export async function fillFrom(
  step: StepContext,
  sources: readonly CacheSource[],
  name: string,
  directory: string,
): Promise<boolean> {
  for (const source of sources) {
    const path = await source.mount(name);
    if (path === undefined) continue;
    try {
      await unpackInto(step, path, directory);
      return true;
    } catch (thrown) {
      step.signal.throwIfAborted();
      source.tell(thrown);
      await makeEmpty(directory);
    }
  }
  return false;
}

async function unpackInto({ services }: StepContext, path: string, directory: string): Promise<void> {
  using root = openDirectory(directory);
  await unpack(piecesOf(path), {
    root,
    directory: "/",
    keepTypes: false,
    owner: undefined,
    firstHostId: 0,
    whiteouts: false,
    limitHoleBytes: services.limitBytes,
  });
}

/** Of an archive that is none, after half of it. */
async function makeEmpty(directory: string): Promise<void> {
  using opened = openFile(undefined, directory, openFlags.readOnly | openFlags.directory);
  for (const { name } of listDirectory(opened, directory)) await removeTreeInSlices(name, opened);
}
