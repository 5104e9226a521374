/**
 * What is in ROOT/tiffin.db, and how an older database becomes a current one.
 *
 *   container  one row per container
 *     id         64 hex digits
 *     name       unique, without Docker's slash
 *     created_ms when it was made
 *     document   JSON: everything decided at creation (src/engine/container/model.ts)
 *     state      JSON: the state union (src/engine/container/state.ts)
 *   volume     one row per named volume; its data is ROOT/volumes/<name>/_data
 *     name, created_ms, labels (JSON), anonymous (1: made for one container, goes with it)
 *
 * Tables with the prefixes `image_`, `layer_` and `ipam_` belong to those folders, which make them themselves.
 * `PRAGMA user_version` counts the migrations below that have been applied; a migration never changes once
 * released.
 */
export const migrations: readonly string[] = [
  `CREATE TABLE container (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     created_ms INTEGER NOT NULL,
     document TEXT NOT NULL,
     state TEXT NOT NULL
   ) WITHOUT ROWID;
   CREATE TABLE volume (
     name TEXT PRIMARY KEY,
     created_ms INTEGER NOT NULL,
     labels TEXT NOT NULL,
     anonymous INTEGER NOT NULL
   ) WITHOUT ROWID;`,
];

export const currentVersion = migrations.length;
