/**
 * Many lives, many execs, many requests at once, and clients that want different things of one container: each answer is right,
 * and afterwards the engine has no more descriptors, memory, mounts, groups, links, addresses, rules, files or rows than before.
 *
 *   TIFFIN_CYCLES=10000 TIFFIN_EXECS=10000 TIFFIN_PARALLEL=1000 bun test --timeout 3600000 test/recovery/cycles.test.ts
 */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type HostSnapshot, leftovers } from "../support/host-snapshot.ts";
import { pause, until } from "../support/until.ts";

const cycles = Number(process.env["TIFFIN_CYCLES"] ?? 60);
const execs = Number(process.env["TIFFIN_EXECS"] ?? 100);
const parallel = Number(process.env["TIFFIN_PARALLEL"] ?? 200);
/** So many at once, so that work of one life falls between steps of another. */
const lanes = 4;
/** After so many the engine has all that it keeps ready, and its code is compiled. */
const warmUp = 100;
/** What a few lives may leave to the collector; over many, a leak of a kilobyte a life is more than this. */
const memorySlackKib = 24 << 10;
const atRestSamples = 8;
const idleStepMs = 2000;
const idleLimitMs = 90_000;
const sparesLimit = 20;
const sparePattern = /^(links: tf|networkNamespaces: one|descriptors: net:)/;

let engine: TestEngine;
let before: HostSnapshot;
let rowsBefore: Readonly<Record<string, number>>;
beforeAll(async () => {
  engine = await startEngine();
  await engine.output("run", "--rm", "-v", "/scratch", "-p", "80", "base", "true");
  before = engine.snapshot();
  rowsBefore = rows();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** How many rows each table has. */
function rows(): Record<string, number> {
  using database = new Database(`${engine.root}/tiffin.db`, { readonly: true });
  const tables = database
    .query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .all();
  return Object.fromEntries(
    tables.map(({ name }) => [
      name,
      database.query<{ n: number }, []>(`SELECT count(*) AS n FROM "${name}"`).get()?.n ?? 0,
    ]),
  );
}

/**
 * What the host has more than before. Networks made ahead of need grow in number with the demand, up to a limit, and go when it
 * has been quiet for long: more than that limit allows is a leak.
 */
function surplus(): string[] {
  const more = leftovers(before, engine.snapshot());
  const spares = more.filter((line) => sparePattern.test(line));
  const perKind = Map.groupBy(spares, (line) => line.slice(0, line.indexOf(":")));
  const tooMany = [...perKind].filter(([, lines]) => lines.length > sparesLimit);
  return [
    ...more.filter((line) => !sparePattern.test(line)),
    ...tooMany.map(([kind, lines]) => `${kind}: ${lines.length} of networks made ahead of need`),
  ];
}

async function nothingLeft(): Promise<void> {
  // Some things are taken back a moment after the answer; what never is fails below.
  await until("all of it to go", () => surplus().length === 0).catch(() => {});
  expect(surplus()).toEqual([]);
  // Rows of what is removed are written a moment after the answer.
  await until("the rows to go", () => Bun.deepEquals(rows(), rowsBefore)).catch(() => {});
  expect(rows()).toEqual(rowsBefore);
}

/** The least of several samples: what is in use, without what waits for the collector. */
async function memoryKib(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < atRestSamples; sample += 1) {
    await pause(150, "a collector that has time");
    const status = readFileSync(`/proc/${engine.pid}/status`, "utf8");
    least = Math.min(least, Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1]));
  }
  return least;
}

/** One request on a connection of its own, which ends with it: one that stays open would count as left. */
async function ask(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://localhost${path}`, {
    method,
    unix: engine.socket,
    headers: { Connection: "close", ...(body !== undefined && { "Content-Type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

async function post(path: string, body: unknown, wanted: number): Promise<string> {
  const { status, text } = await ask("POST", path, body);
  if (status !== wanted) throw new Error(`POST ${path}: ${status} ${text}`);
  return text;
}

function idOf(text: string): string {
  const made: unknown = JSON.parse(text);
  if (typeof made === "object" && made !== null && "Id" in made && typeof made.Id === "string")
    return made.Id;
  throw new Error(`no Id in ${text}`);
}

async function many(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await work(index);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Half of them with an anonymous volume and a published port. */
async function life(index: number): Promise<void> {
  const code = index % 200;
  const more = index % 2 === 0 ? {} : { Volumes: { "/scratch": {} }, ExposedPorts: { "80/tcp": {} } };
  const HostConfig = { AutoRemove: true, PublishAllPorts: index % 2 === 1 };
  const body = { Image: "base", Cmd: ["sh", "-c", `exit ${code}`], HostConfig, ...more };
  const id = idOf(await post("/containers/create", body, 201));
  const removed = post(`/containers/${id}/wait?condition=removed`, undefined, 200);
  await post(`/containers/${id}/start`, undefined, 204);
  expect(JSON.parse(await removed)).toMatchObject({ StatusCode: code });
}

test(`${cycles} lives: each with its exit code, and the engine has what it had`, async () => {
  await many(Math.min(warmUp, cycles), life);
  const then = await memoryKib();
  await many(cycles, life);
  await nothingLeft();
  // The collector gives back what it has emptied once the engine has been idle for a while.
  const limit = then + Math.max(memorySlackKib, then * 0.05);
  for (let waitedMs = 0; waitedMs < idleLimitMs && (await memoryKib()) > limit; waitedMs += idleStepMs)
    await pause(idleStepMs, "an engine that is idle");
  expect(await memoryKib()).toBeLessThan(limit);
});

test(`${execs} short execs: exact output and exit code, and nothing is left of them`, async () => {
  await engine.output("run", "-d", "--name", "asked", "base", "sleep", "100000");
  await many(execs, async (index) => {
    const script = `echo out ${index}; echo err ${index} >&2; exit ${index % 200}`;
    const result = await engine.cli("exec", "asked", "sh", "-c", script);
    expect(result).toEqual({ exitCode: index % 200, stdout: `out ${index}\n`, stderr: `err ${index}\n` });
  });
  await engine.output("rm", "-f", "asked");
  await nothingLeft();
});

test(`${parallel} requests at once are all answered, and nothing is left of them`, async () => {
  await engine.output("run", "-d", "--name", "asked", "base", "sh", "-c", "echo hello; exec sleep 100000");
  const asked: readonly (readonly [path: string, status: number])[] = [
    ["/containers/json?all=1", 200],
    ["/containers/asked/json", 200],
    ["/containers/asked/logs?stdout=1", 200],
    ["/containers/asked/stats?stream=0&one-shot=1", 200],
    ["/containers/asked/archive?path=/etc", 200],
    ["/containers/asked/top", 200],
    ["/containers/none/json", 404],
    ["/volumes", 200],
    ["/networks", 200],
    ["/info", 200],
  ];
  const answers = await Promise.all(
    Array.from({ length: parallel }, async (_, index) => {
      const [path, wanted] = asked[index % asked.length] ?? ["/_ping", 200];
      const { status } = await ask("GET", path);
      return status === wanted ? "as wanted" : `${path}: ${status}`;
    }),
  );
  expect(answers.filter((answer) => answer !== "as wanted")).toEqual([]);
  await engine.output("rm", "-f", "asked");
  await nothingLeft();
});

/** What each may be answered, whoever was first. */
const fights: readonly (readonly [
  method: string,
  path: string,
  allowed: readonly number[],
  body?: unknown,
])[] = [
  ["POST", "/start", [204, 304, 404, 409]],
  ["POST", "/stop?t=0", [204, 304, 404, 409]],
  ["POST", "/restart?t=0", [204, 404, 409]],
  ["POST", "/kill", [204, 404, 409]],
  ["POST", "/pause", [204, 404, 409]],
  ["POST", "/unpause", [204, 404, 409]],
  ["POST", "/update", [200, 404, 409], { Memory: 64 << 20, MemorySwap: 64 << 20 }],
  ["POST", "/exec", [201, 404, 409], { Cmd: ["true"] }],
  ["GET", "/archive?path=/etc", [200, 404, 409]],
  ["GET", "/json", [200, 404]],
  ["POST", "/rename?name=other", [204, 400, 404, 409]],
];

test("clients that fight over one container get answers of Docker's; it ends in one state, and goes as a whole", async () => {
  for (let round = 0; round < 6; round += 1) {
    const id = idOf(
      await post(
        "/containers/create",
        { Image: "base", Cmd: ["sleep", "1000"], Volumes: { "/scratch": {} } },
        201,
      ),
    );
    await post(`/containers/${id}/start`, undefined, 204);
    const removes = round % 2 === 1;
    const all = removes ? [...fights, ["DELETE", "?force=1&v=1", [204, 404, 409]] as const] : fights;
    // Two clients, one from the front and one from the back.
    const orders = [all, [...all].reverse()];
    const wrong = await Promise.all(
      orders.flatMap((order) =>
        order.map(async ([method, path, allowed, body]) => {
          const { status, text } = await ask(method, `/containers/${id}${path}`, body);
          return allowed.includes(status) ? "" : `${method} ${path}: ${status} ${text}`;
        }),
      ),
    );
    expect(wrong.filter(Boolean)).toEqual([]);
    const there = await ask("GET", `/containers/${id}/json`);
    if (there.status === 200) {
      const { State } = JSON.parse(there.text) as {
        readonly State: { readonly Status: string; readonly Running: boolean; readonly Pid: number };
      };
      expect(["running", "paused", "exited"]).toContain(State.Status);
      expect({ running: State.Running, lives: State.Pid !== 0 }).toEqual({
        running: State.Status !== "exited",
        lives: State.Status !== "exited",
      });
      const gone = await ask("DELETE", `/containers/${id}?force=1&v=1`);
      expect(gone.status).toBe(204);
    }
    expect((await ask("GET", `/containers/${id}/json`)).status).toBe(404);
  }
  await nothingLeft();
});
