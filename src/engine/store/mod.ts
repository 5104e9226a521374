/**
 * The engine's database: opened once, under the lock of its directory, brought to the current schema, and
 * shared by the folders of the engine, each with tables of its own (`schema.ts` draws them all). One transaction per change of state.
 *
 * On a full disk a removal must still be possible, and an end must be stored: blocks beyond the end of the database and
 * of its log are reserved while there is room, and the log keeps its blocks from one checkpoint to the next.
 *
 * Write-ahead logging without a sync per commit: a power cut may lose the last moments but never tears a
 * change, and a killed engine loses nothing. Nobody else opens the file, so it is locked exclusively, which
 * spares shared memory and a lock per statement. Checkpoints are made when the engine is idle.
 */
import { Database } from "bun:sqlite";
import { chmodSync, closeSync, existsSync, openSync, statSync } from "node:fs";
import { reserveSpace } from "../../kernel/reserve-space.ts";
import { TiffinError } from "../../lib/errors.ts";
import { damaged, inspectDatabase, isLogOverwritten, namingDamage } from "./damage.ts";
import { refuseForeignRoot } from "./foreign-root.ts";
import { isNoRoom, LateWrites } from "./late-writes.ts";
import { makeOwnDirectory } from "./own-directory.ts";
import { lockDirectory } from "./root-lock.ts";
import { currentVersion, type Migration, migrations } from "./schema.ts";

export { directWrites, isNoRoom, tellingOfNoRoom, type Writes } from "./late-writes.ts";
export { makeOwnDirectory } from "./own-directory.ts";
export { lockDirectory } from "./root-lock.ts";

const privateMode = 0o600;

export interface StateStore extends Disposable {
  readonly database: Database;
  /** The way of every change that a full disk must not make impossible. */
  readonly writes: LateWrites;
  /** Runs `work` in one transaction; an exception rolls back. */
  transaction<T>(work: () => T): T;
  /** Moves finished changes into the main file; for idle moments. */
  checkpoint(): void;
}

/** Beyond this many pages a commit makes its own checkpoint, for the case that the engine is never idle. */
const forcedCheckpointPages = 8000;
/** Enough for some fifty changes between two checkpoints, and for what these add to the main file. */
const reservedLogBytes = 512 << 10;
const reservedBytes = 256 << 10;

/**
 * Opens or makes the state below `root`. Errors: `store.locked`, `store.foreign`, `store.newer-version`, `store.damaged`; none of them
 * changes anything. `report` hears of state that was lost.
 */
export function openStore(root: string, report: (thrown: unknown) => void = () => {}): StateStore {
  refuseForeignRoot(root);
  makeOwnDirectory(root, "--root");
  const lock = lockDirectory(`${root}/lock`);
  try {
    const path = `${root}/tiffin.db`;
    const found = inspectDatabase(path);
    refuseNewer(found.version, path);
    if (found.empty && existsSync(`${root}/containers`)) {
      report(
        new Error(`${path} is empty or gone; it is made again from what the directories in ${root} say`),
      );
    } else if (isLogOverwritten(path)) {
      report(
        new Error(`${path}-wal was overwritten; the last changes are taken from the directories in ${root}`),
      );
    }
    keepPrivate(path);
    const database = new Database(path, { create: true, strict: true });
    try {
      namingDamage(path, () => {
        configure(database);
        refuseDamaged(database, path);
        migrate(database, path);
      });
    } catch (thrown) {
      database.close();
      throw thrown;
    }
    const moveFinishedChanges = (): void => {
      database.run("PRAGMA wal_checkpoint(PASSIVE)");
    };
    const writes = new LateWrites({ path, makeRoom: moveFinishedChanges, report });
    reserve(path);
    return {
      database,
      writes,
      transaction: (work) => database.transaction(work).immediate(),
      checkpoint() {
        try {
          moveFinishedChanges();
        } catch (thrown) {
          // Nothing is lost: they stay in the log, and whoever writes next hears of it.
          if (!isNoRoom(thrown)) throw thrown;
        }
        reserve(path);
      },
      [Symbol.dispose]() {
        writes[Symbol.dispose]();
        database.close();
        lock[Symbol.dispose]();
      },
    };
  } catch (thrown) {
    lock[Symbol.dispose]();
    throw thrown;
  }
}

/** Reserves blocks that nobody else can take when the disk fills. */
function reserve(path: string): void {
  reserveSpace(path, statSync(path).size + reservedBytes);
  reserveSpace(`${path}-wal`, reservedLogBytes);
}

/** Environments hold passwords, and the directory may be older than the engine; the log gets the mode of the database. */
function keepPrivate(path: string): void {
  closeSync(openSync(path, "a", privateMode));
  for (const file of [path, `${path}-wal`]) if (existsSync(file)) chmodSync(file, privateMode);
}

function configure(database: Database): void {
  database.run("PRAGMA locking_mode = EXCLUSIVE");
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = NORMAL");
  database.run("PRAGMA cache_size = -2048");
  database.run(`PRAGMA wal_autocheckpoint = ${forcedCheckpointPages}`);
}

/** A page that was torn or overwritten shows now, not in the middle of a request. */
function refuseDamaged(database: Database, path: string): void {
  const rows = database.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").all();
  const finding = rows[0]?.quick_check ?? "ok";
  if (finding !== "ok") throw damaged(path, finding);
}

/** Applies the migrations that `database` lacks, each in its own transaction. */
export function migrate(database: Database, path: string, steps: readonly Migration[] = migrations): void {
  const row = database.query<{ user_version: number }, []>("PRAGMA user_version").get();
  const found = row?.user_version ?? 0;
  refuseNewer(found, path, steps.length);
  for (const [index, step] of steps.entries()) {
    if (index < found) continue;
    database
      .transaction(() => {
        if (typeof step === "string") database.run(step);
        else step(database);
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
