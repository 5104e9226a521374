/** The `container` table, one narrow function per statement. Rows are decoded here and trusted afterwards. */
import type { Database } from "bun:sqlite";
import { formatExactJson, parseExactJson } from "../../../lib/exact-json.ts";
import type { ContainerDocument } from "../specification/mod.ts";
import type { ContainerState } from "./state.ts";

export interface ContainerRow {
  readonly id: string;
  readonly name: string;
  readonly createdMs: number;
  readonly document: ContainerDocument;
  readonly state: ContainerState;
}

export interface ContainerRepository {
  insert(row: ContainerRow): void;
  saveState(id: string, state: ContainerState): void;
  saveName(id: string, name: string): void;
  remove(id: string): void;
  all(): ContainerRow[];
}

interface StoredRow {
  readonly id: string;
  readonly name: string;
  readonly created_ms: number;
  readonly document: string;
  readonly state: string;
}

export function containerRepository(database: Database): ContainerRepository {
  const insert = database.query<unknown, [string, string, number, string, string]>(
    "INSERT INTO container (id, name, created_ms, document, state) VALUES (?, ?, ?, ?, ?)",
  );
  const saveState = database.query<unknown, [string, string]>("UPDATE container SET state = ? WHERE id = ?");
  const saveName = database.query<unknown, [string, string]>("UPDATE container SET name = ? WHERE id = ?");
  const remove = database.query<unknown, [string]>("DELETE FROM container WHERE id = ?");
  const all = database.query<StoredRow, []>("SELECT * FROM container ORDER BY created_ms");
  return {
    insert(row) {
      insert.run(row.id, row.name, row.createdMs, formatExactJson(row.document), JSON.stringify(row.state));
    },
    saveState(id, state) {
      saveState.run(JSON.stringify(state), id);
    },
    saveName(id, name) {
      saveName.run(name, id);
    },
    remove(id) {
      remove.run(id);
    },
    all() {
      return all.all().map((row) => ({
        id: row.id,
        name: row.name,
        createdMs: row.created_ms,
        // Only this engine writes these columns, and the schema version says which engine: the JSON has these types.
        document: parseExactJson(row.document) as ContainerDocument,
        state: JSON.parse(row.state) as ContainerState,
      }));
    },
  };
}
