/**
 * The engine is killed and its database is lost, emptied, torn or replaced by an older copy before the next start. A row
 * that is missing is no order to delete: what runs goes on, what is stored stays, and the log says what was found.
 */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { succeeds, until } from "../support/until.ts";

function overwrite(path: string, length: number): void {
  const fd = openSync(path, "r+");
  writeSync(fd, randomBytes(length));
  closeSync(fd);
}

const losses: readonly (readonly [string, (database: string) => void])[] = [
  ["database removed", (database) => rmSync(database)],
  [
    "database and log removed",
    (database) => {
      rmSync(database);
      rmSync(`${database}-wal`);
    },
  ],
  ["database emptied", (database) => truncateSync(database, 0)],
  ["noise at the head of the log", (database) => overwrite(`${database}-wal`, 8192)],
  ["log cut off", (database) => truncateSync(`${database}-wal`, 30_000)],
  [
    "database replaced by an older one",
    (database) => {
      rmSync(`${database}-wal`);
      copyFileSync(`${database}.older`, database);
    },
  ],
];

async function inspect(engine: TestEngine, format: string, name: string): Promise<string> {
  return await engine.output("inspect", "--format", format, name);
}

/** Whose rows are left: what SQLite finds in a copy of the files. */
function idsIn(engine: TestEngine, database: string): string[] {
  const copy = `${engine.directory}/copy.db`;
  for (const suffix of ["", "-wal"])
    if (existsSync(database + suffix)) copyFileSync(database + suffix, copy + suffix);
  try {
    using opened = new Database(copy, { readwrite: true, create: false });
    return opened
      .query<{ readonly id: string }, []>("SELECT id FROM container")
      .all()
      .map(({ id }) => id);
  } catch {
    return [];
  }
}

/** Where the engine writes down, some time after a start, what runs. */
function noted(engine: TestEngine, id: string): boolean {
  const path = `${engine.root}/containers/${id}/container.json`;
  return existsSync(path) && readFileSync(path, "utf8").includes('"status":"running"');
}

for (const [what, lose] of losses) {
  test(`${what}: containers go on, and nothing of anybody's is deleted`, async () => {
    await using engine = await startEngine();
    const database = `${engine.root}/tiffin.db`;
    await engine.output("run", "--rm", "base", "true");
    await engine.stop();
    copyFileSync(database, `${database}.older`);
    await engine.start();
    const write = "echo mine > /data/file; echo mine > /file";
    const runs = await engine.output(
      ...["run", "-d", "--name", "runs", "-v", "precious:/data", "-p", "127.0.0.1::80", "base"],
      ...["sh", "-c", `${write}; exec sleep 1000`],
    );
    const passing = await engine.output("run", "-d", "--rm", "--name", "passing", "base", "sleep", "1000");
    await engine.output(
      "run",
      "--name",
      "ended",
      "-v",
      "/kept",
      "base",
      "sh",
      "-c",
      "echo kept > /kept/file",
    );
    const ended = await inspect(engine, "{{.Id}}", "ended");
    const port = await engine.output("inspect", "--format", "{{json .NetworkSettings.Ports}}", "runs");
    const pids = [
      await inspect(engine, "{{.State.Pid}}", "runs"),
      await inspect(engine, "{{.State.Pid}}", "passing"),
    ];
    await until("the rows beside the files", () => noted(engine, runs) && noted(engine, passing));
    const volumes = readdirSync(`${engine.root}/volumes`).sort();
    // Last, so that it is in the log alone unless the crash is late.
    const created = await engine.output("create", "--name", "new", "base", "true");

    await engine.crash();
    lose(database);
    const known = idsIn(engine, database);
    await engine.start();

    expect((await engine.output("ps", "-a", "--format", "{{.Names}}")).split("\n").sort()).toEqual(
      ["ended", "new", "passing", "runs"].sort(),
    );
    expect([
      await inspect(engine, "{{.State.Pid}}", "runs"),
      await inspect(engine, "{{.State.Pid}}", "passing"),
    ]).toEqual(pids);
    expect(await inspect(engine, "{{json .NetworkSettings.Ports}}", "runs")).toBe(port);
    expect(await engine.output("exec", "runs", "cat", "/data/file", "/file")).toBe("mine\nmine");
    const reached = await gateway(engine);
    // One packet may be lost; a container that is cut off would lose them all.
    await succeeds(async () =>
      expect(await engine.output("exec", "runs", "ping", "-c", "1", "-W", "2", reached)).toContain(
        "1 packets received",
      ),
    );
    expect(readdirSync(`${engine.root}/volumes`).sort()).toEqual(volumes);
    expect(await engine.output("run", "--rm", "-v", "precious:/data", "base", "cat", "/data/file")).toBe(
      "mine",
    );
    expect(await engine.output("start", "-a", created)).toBe("");
    // An engine that has been idle for a while has nothing in the log alone: how much was lost is a matter of the moment.
    for (const id of [runs, passing, ended, created]) {
      const text = `(${id}) was not in the database; it is taken over from its directory`;
      expect([id, engine.log.includes(text)]).toEqual([id, !known.includes(id)]);
    }

    // And from then on it is as if nothing had happened.
    await engine.output("rm", "-f", "-v", "runs", "passing", "ended", "new");
    await engine.stop();
    await engine.start();
    expect(await engine.output("ps", "-aq")).toBe("");
    expect(await engine.output("run", "--rm", "-v", "precious:/data", "base", "cat", "/data/file")).toBe(
      "mine",
    );
  });
}

async function gateway(engine: TestEngine): Promise<string> {
  return await inspect(engine, "{{.NetworkSettings.Gateway}}", "runs");
}

test("a container that ran for a moment only before all of it was lost goes on and is found", async () => {
  await using engine = await startEngine();
  await engine.output("run", "-d", "--name", "runs", "base", "sleep", "1000");
  const pid = await inspect(engine, "{{.State.Pid}}", "runs");
  await engine.crash();
  rmSync(`${engine.root}/tiffin.db`);
  await engine.start();
  expect(await inspect(engine, "{{.State.Status}} {{.State.Pid}}", "runs")).toBe(`running ${pid}`);
  await engine.output("stop", "-t", "0", "runs");
  expect(await inspect(engine, "{{.State.ExitCode}}", "runs")).toBe("137");
});

test("a container directory, a volume and a group that say nothing of themselves are left and named", async () => {
  await using engine = await startEngine();
  const id = await engine.output("run", "-d", "--name", "runs", "base", "sleep", "1000");
  const pid = await inspect(engine, "{{.State.Pid}}", "runs");
  await until("the row beside the files", () => noted(engine, id));
  await engine.crash();
  rmSync(`${engine.root}/tiffin.db`);
  const directory = `${engine.root}/containers/${id}`;
  writeFileSync(`${directory}/container.json`, "{");
  const stranger = `${engine.root}/volumes/odd name`;
  mkdirSync(stranger);
  await engine.start();
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  expect(existsSync(directory)).toBe(true);
  expect(existsSync(stranger)).toBe(true);
  expect(engine.log).toContain(`${directory} belongs to no container of the database`);
  expect(engine.log).toContain(`process ${pid} is in it`);
  expect(engine.log).toContain(`${stranger} is no volume of this engine`);
});

test("a start over a damaged database is refused, names it, and touches nothing", async () => {
  await using engine = await startEngine();
  const id = await engine.output(
    "run",
    "-d",
    "--name",
    "runs",
    "-v",
    "precious:/data",
    "base",
    "sleep",
    "1000",
  );
  const pid = await inspect(engine, "{{.State.Pid}}", "runs");
  await until("the row beside the files", () => noted(engine, id));
  await engine.crash();
  const database = `${engine.root}/tiffin.db`;
  writeFileSync(database, randomBytes(12_288));
  await expect(engine.start()).rejects.toThrow(`${database} is damaged`);
  await engine.ended();
  expect(engine.log).not.toContain("newer");
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  // The way out that the message names.
  rmSync(database);
  rmSync(`${database}-wal`, { force: true });
  await engine.start();
  expect(await inspect(engine, "{{.State.Pid}}", "runs")).toBe(pid);
});
