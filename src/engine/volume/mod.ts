/**
 * Named volumes of the local kind: a directory ROOT/volumes/<name>/_data and a row that says so. A volume comes into
 * being when the first container uses it. An anonymous one belongs to the container it was made for and goes with it.
 */
import type { Database } from "bun:sqlite";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { nowMs } from "../../lib/clock.ts";

export interface Volume {
  readonly name: string;
  /** Where its files are on the host. */
  readonly directory: string;
  readonly anonymous: boolean;
}

export interface VolumeStore {
  /** The volume of that name, made when there is none; `created` says which. */
  ensure(name: string, anonymous: boolean): Volume & { readonly created: boolean };
  find(name: string): Volume | undefined;
  /** Takes the volume and its files away. Idempotent. */
  remove(name: string): void;
  /** After a crash: takes away directories without a row, and anonymous volumes that no container uses. */
  sweep(used: ReadonlySet<string>): void;
}

interface VolumeRow {
  readonly name: string;
  readonly anonymous: number;
}

export function openVolumeStore(database: Database, root: string): VolumeStore {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const find = database.query<VolumeRow, [string]>("SELECT name, anonymous FROM volume WHERE name = ?");
  const all = database.query<VolumeRow, []>("SELECT name, anonymous FROM volume");
  const insert = database.query<unknown, [string, number, number]>(
    "INSERT INTO volume (name, created_ms, labels, anonymous) VALUES (?, ?, '{}', ?)",
  );
  const forget = database.query<unknown, [string]>("DELETE FROM volume WHERE name = ?");
  const directoryOf = (name: string): string => `${root}/${name}/_data`;
  const volumeOf = (row: VolumeRow): Volume => ({
    name: row.name,
    directory: directoryOf(row.name),
    anonymous: row.anonymous === 1,
  });
  const remove = (name: string): void => {
    rmSync(`${root}/${name}`, { recursive: true, force: true });
    forget.run(name);
  };
  return {
    ensure(name, anonymous) {
      const row = find.get(name);
      if (row !== null) return { ...volumeOf(row), created: false };
      const directory = directoryOf(name);
      mkdirSync(directory, { recursive: true, mode: 0o755 });
      insert.run(name, nowMs(), anonymous ? 1 : 0);
      return { name, directory, anonymous, created: true };
    },
    find(name) {
      const row = find.get(name);
      return row === null ? undefined : volumeOf(row);
    },
    remove,
    sweep(used) {
      const known = new Set<string>();
      for (const row of all.all()) {
        if (row.anonymous === 1 && !used.has(row.name)) remove(row.name);
        else known.add(row.name);
      }
      for (const name of entriesOf(root)) {
        if (!known.has(name)) rmSync(`${root}/${name}`, { recursive: true, force: true });
      }
    },
  };
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
