/** A database with all tables of the engine, for tests of one part of it. */
import { Database } from "bun:sqlite";
import { migrate } from "../mod.ts";

export function migratedDatabase(path = ":memory:"): Database {
  const database = new Database(path, { create: true, strict: true });
  migrate(database, path);
  return database;
}
