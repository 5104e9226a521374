/** All places where a build wants its steps remembered, after its results are where they go. */
import { messageOf } from "../../../lib/errors.ts";
import type { CacheExport } from "../outputs.ts";
import type { CacheMounts, SolvedStep, StepContext } from "../solve/mod.ts";
import { toldExport } from "../told-export.ts";
import { type CarriedMounts, carriedMounts } from "./carried-mounts.ts";
import { cacheSteps, exportLocal, exportRegistry } from "./export-cache.ts";

const withoutMounts: CarriedMounts = { mounts: [], archives: new Map() };

export interface Remembered {
  readonly solved: readonly SolvedStep[];
  /** Of each result. */
  readonly chains: readonly (readonly string[])[];
}

/** Errors: those of the place, unless it is said that they do not matter. */
export async function exportCaches(
  step: StepContext,
  places: readonly CacheExport[],
  { solved, chains }: Remembered,
  caches: CacheMounts,
): Promise<void> {
  for (const place of places) {
    if (place.kind === "inline") continue;
    const isRegistry = place.kind === "registry";
    const where = isRegistry ? place.reference : place.destination;
    const title = `exporting cache to ${isRegistry ? "registry" : "client directory"}`;
    try {
      await toldExport(step.report, title, async (note) => {
        const steps = cacheSteps(solved, place.mode === "min" ? chains : undefined);
        const { mounts, archives } =
          place.mounts === true ? await carriedMounts(step, caches, solved) : withoutMounts;
        note(`${steps.length} steps and ${mounts.length} cache mounts to ${where}`);
        const cache = { contents: { steps, mounts }, archives };
        if (isRegistry) await exportRegistry(step, where, cache);
        else await exportLocal(step, where, cache);
      });
    } catch (thrown) {
      step.signal.throwIfAborted();
      if (place.ignoreError !== true) throw thrown;
      step.report({ kind: "text", text: `[Warning] no cache to ${where}: ${messageOf(thrown)}\n` });
    }
  }
}
