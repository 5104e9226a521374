/** The `container` table, one narrow function per statement. Rows are decoded here and trusted afterwards. */
import type { Database } from "bun:sqlite";
import { formatExactJson, parseExactJson } from "../../../lib/exact-json.ts";
import { type ContainerDocument, decodeDocument, encodeDocument } from "./document.ts";
import type { ContainerState } from "./state.ts";
import { decodeState, encodeState } from "./stored-state.ts";

export interface ContainerRow {
  readonly id: string;
  readonly name: string;
  readonly createdMs: number;
  readonly document: ContainerDocument;
  readonly state: ContainerState;
  /** How often its policy has started it since a client did. */
  readonly restarts: number;
}

export interface ContainerRepository {
  insert(row: ContainerRow): void;
  saveState(id: string, state: ContainerState, restarts: number): void;
  saveDocument(id: string, document: ContainerDocument): void;
  saveName(id: string, name: string): void;
  remove(id: string): void;
  /** In order of creation. `unreadable` hears of each row that cannot be understood; it stays as it is. */
  all(unreadable: (row: UnreadableRow) => void): ContainerRow[];
}

export interface UnreadableRow {
  readonly id: string;
  readonly name: string;
  readonly reason: unknown;
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
    `INSERT INTO container (id, name, created_ms, document, state) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, created_ms = excluded.created_ms,
       document = excluded.document, state = excluded.state`,
  );
  const saveState = database.query<unknown, [string, string]>("UPDATE container SET state = ? WHERE id = ?");
  const saveDocument = database.query<unknown, [string, string]>(
    "UPDATE container SET document = ? WHERE id = ?",
  );
  const saveName = database.query<unknown, [string, string]>("UPDATE container SET name = ? WHERE id = ?");
  const remove = database.query<unknown, [string]>("DELETE FROM container WHERE id = ?");
  const all = database.query<StoredRow, []>("SELECT * FROM container ORDER BY created_ms");
  return {
    insert(row) {
      const { id, name, createdMs, document, state, restarts } = row;
      insert.run(
        id,
        name,
        createdMs,
        formatExactJson(encodeDocument(document)),
        formatExactJson(encodeState(state, restarts)),
      );
    },
    saveState(id, state, restarts) {
      saveState.run(formatExactJson(encodeState(state, restarts)), id);
    },
    saveDocument(id, document) {
      saveDocument.run(formatExactJson(encodeDocument(document)), id);
    },
    saveName(id, name) {
      saveName.run(name, id);
    },
    remove(id) {
      remove.run(id);
    },
    all(unreadable) {
      return all.all().flatMap(({ id, name, created_ms: createdMs, document, state }) => {
        try {
          return {
            id,
            name,
            createdMs,
            document: decodeDocument(parseExactJson(document)),
            ...decodeState(parseExactJson(state)),
          };
        } catch (reason) {
          unreadable({ id, name, reason });
          return [];
        }
      });
    },
  };
}
