/** What steps of builds came to, by key, and cache mounts. A record may speak of an image that is gone; it means nothing then. */
import type { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { nowMs } from "../../lib/clock.ts";
import { type Decoded, decoderKit } from "../../lib/decoders.ts";
import type { Writes } from "../store/mod.ts";

/** Part of every key: what a step is may change with the program. */
const keyVersion = 2;

const { list, object, text } = decoderKit({
  code: "build.record",
  whole: "record of a build's step",
  shownLength: 60,
  limitElements: 1 << 16,
  allowsNul: true,
  nullIsEmpty: true,
});

/** One thing that can make a difference: what it is called, and a word that is another when it is. */
const stepInput = object({ name: text, value: text });
export interface StepInput extends Decoded<typeof stepInput> {}
const stepInputs = list(stepInput);

export type RecordKind = "regular" | "exec.cachemount" | "source.local" | "source.git.checkout";

export interface CacheRecord {
  readonly key: string;
  readonly kind: RecordKind;
  /** The image that holds the tree, or the directory's name. */
  readonly place: string;
  readonly description: string;
  readonly inputs: readonly StepInput[];
  readonly bytes: number;
  readonly createdMs: number;
  readonly usedMs: number;
  readonly uses: number;
}

/** All that can matter for what a step comes to. */
export function keyOf(inputs: readonly StepInput[]): string {
  const text = JSON.stringify([keyVersion, inputs.map(({ name, value }) => [name, value])]);
  return createHash("sha256").update(text).digest("hex");
}

interface Row {
  readonly key: string;
  readonly kind: string;
  readonly place: string;
  readonly description: string;
  readonly inputs: string;
  readonly bytes: number;
  readonly created_ms: number;
  readonly used_ms: number;
  readonly uses: number;
}

const kinds: readonly RecordKind[] = ["regular", "exec.cachemount", "source.local", "source.git.checkout"];

export class StepCache {
  readonly #database: Database;
  readonly #writes: Writes;

  constructor(database: Database, writes: Writes) {
    this.#database = database;
    this.#writes = writes;
  }

  find(key: string): CacheRecord | undefined {
    const row = this.#database.query<Row, [string]>("SELECT * FROM build_record WHERE key = ?").get(key);
    return row === null ? undefined : recordOf(row);
  }

  put(record: Pick<CacheRecord, "key" | "kind" | "place" | "description" | "inputs" | "bytes">): void {
    const { key, kind, place, description, inputs, bytes } = record;
    const now = nowMs();
    this.#writes.write("a step of a build", () => {
      this.#database.run("INSERT OR REPLACE INTO build_record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [
        key,
        kind,
        place,
        description,
        JSON.stringify(inputs),
        bytes,
        now,
        now,
        0,
      ]);
    });
  }

  used(keys: readonly string[]): void {
    if (keys.length === 0) return;
    const now = nowMs();
    this.#writes.write("the use of a build's steps", () => {
      const update = this.#database.query(
        "UPDATE build_record SET used_ms = ?, uses = uses + 1 WHERE key = ?",
      );
      this.#database.transaction(() => {
        for (const key of keys) update.run(now, key);
      })();
    });
  }

  all(): CacheRecord[] {
    return this.#database
      .query<Row, []>("SELECT * FROM build_record ORDER BY created_ms, key")
      .all()
      .map(recordOf);
  }

  /** What all records speak of, without reading them. */
  places(): Set<string> {
    const rows = this.#database.query<{ place: string }, []>("SELECT DISTINCT place FROM build_record").all();
    return new Set(rows.map(({ place }) => place));
  }

  remove(keys: readonly string[]): void {
    this.#writes.write("the cache of builds", () => {
      const remove = this.#database.query("DELETE FROM build_record WHERE key = ?");
      this.#database.transaction(() => {
        for (const key of keys) remove.run(key);
      })();
    });
  }
}

function recordOf(row: Row): CacheRecord {
  return {
    key: row.key,
    kind: kinds.find((kind) => kind === row.kind) ?? "regular",
    place: row.place,
    description: row.description,
    inputs: inputsOf(row.inputs),
    bytes: row.bytes,
    createdMs: row.created_ms,
    usedMs: row.used_ms,
    uses: row.uses,
  };
}

/** For people alone: what cannot be read says nothing. */
function inputsOf(written: string): StepInput[] {
  try {
    return [...stepInputs(JSON.parse(written), "")];
  } catch {
    return [];
  }
}
