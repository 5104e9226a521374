/** What is kept from builds, in BuildKit's words. */
import { timestampOfMs, type UsageRecord } from "../../buildkit/mod.ts";
import { own } from "../../lib/own.ts";
import type { UsedRecord } from "../build/mod.ts";
import type { Builder } from "./builder.ts";

interface PruneWish {
  readonly all: boolean;
  readonly filters: readonly string[];
  readonly reservedSpace: number;
  readonly maxUsedSpace: number;
}

function usageOf(record: UsedRecord): UsageRecord {
  const { key, kind, description, createdMs, usedMs, uses, bytes, inUse, shared } = record;
  return {
    id: key,
    mutable: kind !== "regular",
    inUse,
    size: bytes,
    createdAt: timestampOfMs(createdMs),
    lastUsedAt: timestampOfMs(usedMs),
    usageCount: uses,
    description,
    recordType: kind,
    shared,
    parents: [],
  };
}

/** `id==x`, `type==regular`, `inuse`: as BuildKit's clients write them. What is not known keeps nothing out. */
function matches(record: UsageRecord, filters: readonly string[]): boolean {
  if (filters.length === 0) return true;
  const values: Readonly<Record<string, string>> = {
    id: record.id,
    type: record.recordType,
    description: record.description,
    inuse: String(record.inUse),
    mutable: String(record.mutable),
    shared: String(record.shared),
  };
  // Any of them, each of which is all of what its commas separate.
  return filters.some((filter) =>
    filter.split(",").every((term) => {
      const [, name = "", operator = "", value = ""] = /^([a-z]+)(==|!=|~=)?(.*)$/.exec(term) ?? [];
      const there = own(values, name);
      if (there === undefined) return true;
      if (operator === "==") return there === value;
      if (operator === "!=") return there !== value;
      return operator === "~=" ? there.includes(value) : there !== "" && there !== "false";
    }),
  );
}

export class CacheRecords {
  readonly #builder: Pick<Builder, "usage" | "prune">;

  constructor(builder: Pick<Builder, "usage" | "prune">) {
    this.#builder = builder;
  }

  async list(filters: readonly string[]): Promise<UsageRecord[]> {
    const records = await this.#builder.usage();
    return records.map(usageOf).filter((record) => matches(record, filters));
  }

  /** Each as it is gone. */
  async *prune({ all, filters, reservedSpace, maxUsedSpace }: PruneWish): AsyncGenerator<UsageRecord> {
    const keepBytes = Math.max(reservedSpace, maxUsedSpace);
    const { deleted } = await this.#builder.prune({ all, keepBytes, filters: pruneFilters(filters) });
    yield* deleted.map(usageOf);
  }
}

/** `type==regular` as `type=regular`. */
function pruneFilters(filters: readonly string[]): Record<string, string[]> {
  const found = new Map<string, string[]>();
  for (const term of filters.flatMap((filter) => filter.split(","))) {
    if (term === "") continue;
    const [name = "", value = ""] = term.split(/[=~]?=(.*)/s);
    found.set(name, [...(found.get(name) ?? []), value]);
  }
  return Object.fromEntries(found);
}
