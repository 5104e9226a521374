/**
 * The engine's database: opened once, under the lock of its directory, brought to the current schema, and
 * shared by the folders of the engine, each with tables of its own. One transaction per change of state.
 *
 * Write-ahead logging without a sync per commit: a power cut may lose the last moments but never tears a
 * change, and a killed engine loses nothing. Nobody else opens the file, so it is locked exclusively, which
 * spares shared memory and a lock per statement. Checkpoints are made when the engine is idle.
 */
import { Database } from "bun:sqlite";
import { closeSync, mkdirSync, openSync, readSync } from "node:fs";
import { TiffinError } from "../../lib/errors.ts";
import { lockRoot } from "./root-lock.ts";
import { currentVersion, migrations } from "./schema.ts";

export interface StateStore extends Disposable {
  readonly database: Database;
  /** Runs `work` in one transaction; an exception rolls back. */
  transaction<T>(work: () => T): T;
  /** Moves finished changes into the main file; for idle moments. */
  checkpoint(): void;
}

/** Beyond this many pages a commit makes its own checkpoint, for the case that the engine is never idle. */
const forcedCheckpointPages = 8000;

/** Opens or makes the state below `root`. Errors: `store.locked`, `store.newer-version`. */
export function openStore(root: string): StateStore {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const lock = lockRoot(`${root}/lock`);
  try {
    const path = `${root}/tiffin.db`;
    refuseNewer(versionInHeader(path), path);
    const database = new Database(path, { create: true, strict: true });
    try {
      configure(database);
      migrate(database, path);
    } catch (thrown) {
      database.close();
      throw thrown;
    }
    return {
      database,
      transaction: (work) => database.transaction(work).immediate(),
      checkpoint: () => {
        database.run("PRAGMA wal_checkpoint(PASSIVE)");
      },
      [Symbol.dispose]() {
        database.close();
        lock[Symbol.dispose]();
      },
    };
  } catch (thrown) {
    lock[Symbol.dispose]();
    throw thrown;
  }
}

function configure(database: Database): void {
  database.run("PRAGMA locking_mode = EXCLUSIVE");
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = NORMAL");
  database.run("PRAGMA cache_size = -2048");
  database.run(`PRAGMA wal_autocheckpoint = ${forcedCheckpointPages}`);
}

/** Applies the migrations that `database` lacks, each in its own transaction. */
export function migrate(database: Database, path: string, steps: readonly string[] = migrations): void {
  const row = database.query<{ user_version: number }, []>("PRAGMA user_version").get();
  const found = row?.user_version ?? 0;
  refuseNewer(found, path, steps.length);
  for (const [index, step] of steps.entries()) {
    if (index < found) continue;
    database
      .transaction(() => {
        database.run(step);
        database.run(`PRAGMA user_version = ${index + 1}`);
      })
      .immediate();
  }
}

function refuseNewer(found: number, path: string, known = currentVersion): void {
  if (found <= known) return;
  throw new TiffinError(
    "invalid",
    "store.newer-version",
    `${path} was written by a newer Tiffin: its state has version ${found}, this one knows up to ${known}`,
    { remedy: "run the newer Tiffin, or use another --root" },
  );
}

const versionOffset = 60;

/**
 * The schema version in the header of a database file, read without SQLite, so that state which will be refused
 * is not even opened. 0 for no file.
 */
function versionInHeader(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return 0;
  }
  try {
    const header = Buffer.alloc(versionOffset + 4);
    const length = readSync(fd, header, 0, header.length, 0);
    return length === header.length ? header.readUInt32BE(versionOffset) : 0;
  } finally {
    closeSync(fd);
  }
}
