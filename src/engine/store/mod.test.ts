import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { TiffinError } from "../../lib/errors.ts";
import { migrate, openStore, type StateStore } from "./mod.ts";
import { currentVersion, migrations } from "./schema.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync("/tmp/tiffin-test-store-");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (thrown) {
    return thrown instanceof TiffinError ? thrown.code : String(thrown);
  }
  return "no error";
}

test("a new store has the current version and survives being reopened", () => {
  {
    using store = openStore(root);
    store.transaction(() =>
      store.database.run("INSERT INTO volume (name, created_ms, labels, anonymous) VALUES ('v', 1, '{}', 0)"),
    );
  }
  using store = openStore(root);
  expect(store.database.query("SELECT name FROM volume").all()).toEqual([{ name: "v" }]);
  expect(store.database.query("PRAGMA user_version").get()).toEqual({ user_version: currentVersion });
});

test("a second engine is told that the root is taken, and may have it afterwards", () => {
  {
    using _first = openStore(root);
    expect(codeOf(() => openStore(root))).toBe("store.locked");
  }
  using second = openStore(root);
  expect(second.database.filename).toBe(`${root}/tiffin.db`);
});

test("state from a newer version is refused and not touched", () => {
  {
    using store = openStore(root);
    store.database.run("PRAGMA user_version = 99");
  }
  const before = readFileSync(`${root}/tiffin.db`);
  expect(codeOf(() => openStore(root))).toBe("store.newer-version");
  expect(readFileSync(`${root}/tiffin.db`).equals(before)).toBe(true);
  expect(readdirSync(root).sort()).toEqual(["lock", "tiffin.db"]);
});

test.each([
  ["Docker", ["containers/", "image/", "overlay2/", "volumes/"]],
  ["Podman", ["libpod/", "overlay/", "storage.lock", "volumes/"]],
  ["containerd", ["io.containerd.metadata.v1.bolt/"]],
])("state of %s is refused and not touched", (engine, names) => {
  for (const name of names) {
    if (name.endsWith("/")) mkdirSync(`${root}/${name}`);
    else closeSync(openSync(`${root}/${name}`, "w"));
  }
  const before = readdirSync(root).sort();
  const refused = (): unknown => openStore(root);
  expect(codeOf(refused)).toBe("store.foreign");
  expect(refused).toThrow(`${root} holds the state of ${engine} (there is `);
  expect(readdirSync(root).sort()).toEqual(before);
});

test("an exception rolls a transaction back", () => {
  using store = openStore(root);
  expect(() =>
    store.transaction(() => {
      store.database.run("INSERT INTO volume (name, created_ms, labels, anonymous) VALUES ('v', 1, '{}', 0)");
      throw new Error("no");
    }),
  ).toThrow("no");
  expect(store.database.query("SELECT name FROM volume").all()).toEqual([]);
});

test.each(migrations.map((_, index) => index))("migration %d works on the version before it", (index) => {
  const database = new Database(":memory:", { strict: true });
  migrate(database, "memory", migrations.slice(0, index));
  migrate(database, "memory", migrations.slice(0, index + 1));
  expect(database.query("PRAGMA user_version").get()).toEqual({ user_version: index + 1 });
  database.close();
});

test("a migration that fails leaves the version before it", () => {
  const database = new Database(":memory:", { strict: true });
  expect(() => migrate(database, "memory", ["CREATE TABLE one (a)", "CREATE TABLE one (a)"])).toThrow();
  expect(database.query("PRAGMA user_version").get()).toEqual({ user_version: 1 });
  database.close();
});

const changedFiles: readonly (readonly [string, (path: string) => void])[] = [
  ["noise at its head", (path) => overwrite(path, 0, 12_288)],
  ["noise in its middle", (path) => overwrite(path, 4096, 8192)],
  ["its first half only", (path) => truncateSync(path, 10_000)],
  ["its first bytes only", (path) => truncateSync(path, 40)],
];

test.each(changedFiles)(
  "a database with %s is called damaged, by its path and with a way out, and stays",
  (_what, change) => {
    {
      using store = openStore(root);
      fill(store, 200);
    }
    const path = `${root}/tiffin.db`;
    change(path);
    const before = readFileSync(path);
    let thrown: unknown;
    try {
      openStore(root);
    } catch (error) {
      thrown = error;
    }
    if (!(thrown instanceof TiffinError)) throw new Error(`no error of ours: ${String(thrown)}`);
    expect(thrown.code).toBe("store.damaged");
    expect(thrown.message).toContain(path);
    expect(thrown.remedy).toContain(`move ${path} and ${path}-wal elsewhere and start again`);
    expect(readFileSync(path).equals(before)).toBe(true);
  },
);

test("a database that is gone while there are containers is made again, and that is told", () => {
  const told: string[] = [];
  const report = (thrown: unknown): void => void told.push(String(thrown));
  openStore(root, report)[Symbol.dispose]();
  expect(told).toEqual([]);
  mkdirSync(`${root}/containers`);
  rmSync(`${root}/tiffin.db`);
  openStore(root, report)[Symbol.dispose]();
  expect(told.length).toBe(1);
  expect(told[0]).toContain(`${root}/tiffin.db is empty or gone`);
});

test("a log that was overwritten is told", () => {
  const told: string[] = [];
  {
    using store = openStore(root);
    fill(store, 3);
    copyFileSync(`${root}/tiffin.db-wal`, `${root}/kept-wal`);
  }
  renameSync(`${root}/kept-wal`, `${root}/tiffin.db-wal`);
  overwrite(`${root}/tiffin.db-wal`, 0, 8192);
  openStore(root, (thrown) => void told.push(String(thrown)))[Symbol.dispose]();
  expect(told.length).toBe(1);
  expect(told[0]).toContain(`${root}/tiffin.db-wal was overwritten`);
});

function fill(store: StateStore, count: number): void {
  store.transaction(() => {
    for (let index = 0; index < count; index += 1) {
      store.database.run("INSERT INTO volume (name, created_ms, labels, anonymous) VALUES (?, 1, ?, 0)", [
        `v${index}`,
        "x".repeat(200),
      ]);
    }
  });
}

function overwrite(path: string, at: number, length: number): void {
  const fd = openSync(path, "r+");
  writeSync(fd, randomBytes(length), 0, length, at);
  closeSync(fd);
}
