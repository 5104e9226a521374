import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { TiffinError } from "../../lib/errors.ts";
import { migrate, openStore } from "./mod.ts";
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
    store.transaction(() => store.database.run("INSERT INTO volume VALUES ('v', 1, '{}', 0)"));
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

test("an exception rolls a transaction back", () => {
  using store = openStore(root);
  expect(() =>
    store.transaction(() => {
      store.database.run("INSERT INTO volume VALUES ('v', 1, '{}', 0)");
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
