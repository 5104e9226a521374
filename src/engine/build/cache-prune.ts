/** What the cache of builds holds, and how it is kept small: what was used longest ago goes first. */

import { filterTimeMs } from "../../docker/filter-time.ts";
import { nowMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import { isSnapshot } from "../image/mod.ts";
import type { BuildContext } from "./build-context.ts";
import type { KeptContextUse } from "./kept-contexts.ts";
import type { CacheMounts } from "./solve/mod.ts";
import type { CacheRecord } from "./step-cache.ts";

export interface UsedRecord extends CacheRecord {
  readonly inUse: boolean;
  /** An image needs its layers too. */
  readonly shared: boolean;
}

export interface PruneOptions {
  /** What is shared with images as well. */
  readonly all: boolean;
  /** As much may stay; 0 is nothing. */
  readonly keepBytes: number;
  /** `until`, `id`, `type`, `description`, `inuse`, `shared`, `private`. */
  readonly filters: Readonly<Record<string, readonly string[]>>;
}

export interface Pruned {
  readonly deleted: readonly UsedRecord[];
  readonly reclaimedBytes: number;
}

type Test = (record: UsedRecord) => boolean;

export class CachePruner {
  readonly #context: BuildContext;
  readonly #caches: CacheMounts;

  constructor(context: BuildContext, caches: CacheMounts) {
    this.#context = context;
    this.#caches = caches;
  }

  /** Cache mounts that nothing tells of are told of too. */
  async usage(): Promise<UsedRecord[]> {
    const records = this.#context.cache.all();
    const known = new Map(records.map((record) => [record.place, record]));
    const mounts: UsedRecord[] = [];
    for (const name of this.#caches.names()) {
      const record = known.get(name);
      mounts.push({
        ...(record ?? plainMount(name)),
        bytes: await this.#caches.bytesOf(name),
        inUse: this.#caches.isInUse(name),
        shared: false,
      });
    }
    const seen = new Set(this.#context.images.list().flatMap(({ chain }) => chain));
    const steps = records.flatMap((record): UsedRecord[] => {
      if (record.kind !== "regular") return [];
      const image = this.#context.images.byId(record.place);
      if (image === undefined) return [];
      const top = image.chain.at(-1);
      // An image that people see has the layer.
      const shared = top !== undefined && seen.has(top);
      return [{ ...record, inUse: false, shared }];
    });
    return [...steps, ...mounts, ...this.#context.contexts.usage().map(contextRecord)];
  }

  /** Errors: `build.filter`. */
  async prune({ all, keepBytes, filters }: PruneOptions): Promise<Pruned> {
    const matches = testOf(filters);
    const usage = (await this.usage()).sort((a, b) => a.usedMs - b.usedMs);
    let total = usage.reduce((sum, { bytes, shared }) => sum + (shared ? 0 : bytes), 0);
    const deleted: UsedRecord[] = [];
    let reclaimedBytes = 0;
    for (const record of usage) {
      if (record.inUse || !matches(record)) continue;
      if (keepBytes > 0 && total <= keepBytes) break;
      if (record.shared && !all && keepBytes > 0) continue;
      reclaimedBytes += await this.#remove(record);
      deleted.push(record);
      if (!record.shared) total -= record.bytes;
    }
    return { deleted, reclaimedBytes };
  }

  async keepWithinLimit(): Promise<void> {
    const { limitCacheBytes } = this.#context;
    if (limitCacheBytes > 0) await this.prune({ all: false, keepBytes: limitCacheBytes, filters: {} });
  }

  /**
   * Trees that steps were done on and nothing remembers, as what came from a cache elsewhere, or an image that has gone since. Only while no
   * build works with them.
   */
  sweep(): void {
    const { images, cache } = this.#context;
    const remembered = cache.places();
    const others = images.snapshots().filter(({ id }) => !remembered.has(id));
    if (others.length === 0) return;
    // What people have is asked for again by each build: its tree may stay as long.
    const seen = new Set(images.list().map(({ chain }) => chain.join(" ")));
    for (const { id, chain } of others) if (!seen.has(chain.join(" "))) images.remove(id);
  }

  /** How much room that made. */
  async #remove(record: UsedRecord): Promise<number> {
    const { cache, images, layers, containers: _containers } = this.#context;
    cache.remove([record.key]);
    if (record.kind === "source.local") {
      return (await this.#context.contexts.remove(record.place)) ? record.bytes : 0;
    }
    if (record.kind === "exec.cachemount") {
      await this.#caches.remove(record.place);
      return record.bytes;
    }
    const image = images.byId(record.place);
    if (image === undefined || !isSnapshot(image)) return 0;
    if (cache.places().has(record.place)) return 0;
    const bytes = new Map(image.chain.map((layer) => [layer, layers.layerBytes(layer)]));
    return images.remove(image.id).reduce((sum, layer) => sum + (bytes.get(layer) ?? 0), 0);
  }
}

function plainMount(name: string): CacheRecord {
  return {
    key: name,
    kind: "exec.cachemount",
    place: name,
    description: "cached mount",
    inputs: [],
    bytes: 0,
    createdMs: 0,
    usedMs: 0,
    uses: 0,
  };
}

function contextRecord({ name, bytes, usedMs, inUse }: KeptContextUse): UsedRecord {
  return {
    key: name,
    kind: "source.local",
    place: name,
    description: "local source",
    inputs: [],
    bytes,
    createdMs: usedMs,
    usedMs,
    uses: 1,
    inUse,
    shared: false,
  };
}

const knownFilters = ["until", "unused-for", "id", "type", "description", "inuse", "shared", "private"];

function testOf(filters: PruneOptions["filters"]): Test {
  const refuse = (text: string): never => {
    throw new TiffinError(
      "invalid",
      "build.filter",
      `invalid filter ${JSON.stringify(text)} of the build cache`,
    );
  };
  const tests = Object.entries(filters).flatMap(([name, values]): Test[] => {
    // `system prune` says it to everything that it prunes, and nothing of the cache has a label.
    if (name === "label") return [() => false];
    if (name === "label!") return [];
    if (!knownFilters.includes(name)) refuse(name);
    return values.map((value): Test => {
      if (name === "until" || name === "unused-for") {
        const before = filterTimeMs(value, nowMs()) ?? refuse(`${name}=${value}`);
        return ({ usedMs }) => usedMs < before;
      }
      if (name === "id") return ({ key, place }) => key.startsWith(value) || place === value;
      if (name === "type") return ({ kind }) => kind === value;
      if (name === "description") return ({ description }) => description.includes(value.replace(/^~/, ""));
      const wanted = value === "" || value === "true" || value === "1";
      if (name === "inuse") return ({ inUse }) => inUse === wanted;
      return ({ shared }) => shared === (name === "shared" ? wanted : !wanted);
    });
  });
  return (record) => tests.every((test) => test(record));
}
