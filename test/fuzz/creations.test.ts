/**
 * Every field that a client may send, with some eighty odd values each, is taken or refused in words: no answer of a creation
 * or a start is a 500. `TIFFIN_FUZZ=full` tries all of them, otherwise a sample that `TIFFIN_FUZZ_SEED` chooses.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { routes } from "../../src/docker/routes.ts";
import { containerCreateBody } from "../../src/docker/types/container.ts";
import { execCreateBody } from "../../src/docker/types/exec.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type OddCase, oddCases, sample } from "./creations.ts";
import { oddScalars, oddStructures } from "./odd-values.ts";

const full = process.env["TIFFIN_FUZZ"] === "full";
const seed = Number(process.env["TIFFIN_FUZZ_SEED"] ?? "1");
const sampleSize = 400;
const limitMs = 30 * 60_000;

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function ask(method: string, path: string, body?: string): Promise<Answer> {
  const response = await fetch(`http://localhost${path}`, {
    method,
    unix: engine.socket,
    ...(body !== undefined && { body, headers: { "Content-Type": "application/json" } }),
    signal: AbortSignal.timeout(60_000),
  });
  return { status: response.status, text: await response.text() };
}

const counts = new Map<string, number>();
const faults: string[] = [];
const shownLength = 200;

/** 501 says that something is not done; every other status of the 500s is a fault of the engine. */
function judge(step: string, { path, body }: OddCase, answer: Answer): void {
  const key = `${step} ${answer.status}`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
  // The answer to HEAD has no body.
  const silent = !step.startsWith("HEAD") && answer.status >= 400 && !/"message":"[^"]/.test(answer.text);
  if ((answer.status < 500 || answer.status === 501) && !silent) return;
  faults.push(`${key} for ${path}: ${body.slice(0, shownLength)}: ${answer.text.slice(0, shownLength)}`);
}

function chosen(cases: readonly OddCase[]): OddCase[] {
  return full ? [...cases] : sample(cases, sampleSize, seed);
}

function idOf(answer: Answer): string {
  return /"Id":"([0-9a-f]+)"/.exec(answer.text)?.[1] ?? "";
}

function report(what: string, total: number): void {
  if (full) process.stdout.write(`${what}: ${total} cases, ${JSON.stringify(Object.fromEntries(counts))}\n`);
  counts.clear();
}

async function createAndStart(odd: OddCase): Promise<void> {
  const created = await ask("POST", "/containers/create", odd.body);
  judge("create", odd, created);
  if (created.status !== 201) return;
  const id = idOf(created);
  judge("start", odd, await ask("POST", `/containers/${id}/start`));
  const inspected = await ask("GET", `/containers/${id}/json`);
  if (inspected.status !== 404) judge("inspect", odd, inspected);
  const removed = await ask("DELETE", `/containers/${id}?force=1&v=1`);
  // One that removes itself may be gone, or going.
  if (removed.status !== 404 && removed.status !== 409) judge("remove", odd, removed);
}

test(
  "no field of a creation makes the engine fail, at the creation or at the start",
  async () => {
    const base = '"Image":"base","Cmd":["true"]';
    const cases = chosen(oddCases(containerCreateBody, base));
    for (const odd of cases) await createAndStart(odd);
    report("creations", cases.length);
    expect(faults.splice(0)).toEqual([]);
  },
  limitMs,
);

test(
  "no field of an exec makes the engine fail, at the creation or at the start",
  async () => {
    const body = '{"Image":"base","Cmd":["sleep","3600"],"HostConfig":{"NetworkMode":"none"}}';
    const id = idOf(await ask("POST", "/containers/create", body));
    await ask("POST", `/containers/${id}/start`);
    const cases = chosen(oddCases(execCreateBody, '"Cmd":["true"]'));
    for (const odd of cases) {
      const created = await ask("POST", `/containers/${id}/exec`, odd.body);
      judge("exec create", odd, created);
      if (created.status !== 201) continue;
      judge("exec start", odd, await ask("POST", `/exec/${idOf(created)}/start`, '{"Detach":true}'));
    }
    report("execs", cases.length);
    expect(faults.splice(0)).toEqual([]);
  },
  limitMs,
);

/** Waits for ever, takes the connection over, or names something that is made. */
const skipped = new Set([
  "containerAttach",
  "containerWait",
  "run",
  "execRun",
  "execStart",
  "containerStop",
  // These would ask hosts of others.
  "imageCreate",
  "imagePush",
  "imageSearch",
  "distributionInspect",
  "auth",
  "registryManifests",
  "registryPutManifests",
]);

/** What makes an answer come, and end. */
const beside: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map([
  ["containerLogs", { stdout: "1" }],
  ["containerStats", { stream: "0" }],
  ["events", { until: "1" }],
]);

/** A longer request line is no request. */
const longestQuery = 6000;

function queryTexts(): string[] {
  return oddScalars
    .map((value) => (value.startsWith('"') ? String(JSON.parse(value)) : value))
    .filter((text) => text.length <= longestQuery);
}

const filterNames = [
  "status",
  "exited",
  "label",
  "name",
  "id",
  "publish",
  "expose",
  "health",
  "is-task",
  "before",
];
const otherFilters = ["since", "ancestor", "network", "volume", "dangling", "reference", "until", "toString"];

/** Each filter that some list knows, and names of JavaScript's own, with each value. */
function filterTexts(): string[] {
  return [...filterNames, ...otherFilters, "__proto__", "constructor"].flatMap((name) =>
    [...oddScalars, ...oddStructures]
      .filter((value) => value.length <= longestQuery / 4)
      .flatMap((value) => [`{"${name}":[${value}]}`, `{"${name}":${value}}`]),
  );
}

test(
  "no query parameter makes the engine fail",
  async () => {
    const body = '{"Image":"base","Cmd":["true"],"HostConfig":{"NetworkMode":"none"}}';
    const id = idOf(await ask("POST", "/containers/create?name=queried", body));
    const queries: OddCase[] = [];
    for (const [name, { method, path, query }] of Object.entries(routes)) {
      if (skipped.has(name) || name === "containerRemove" || name === "containerRename") continue;
      for (const key of Object.keys(query)) {
        // Answers that end only with the client.
        if (
          key === "follow" ||
          `${name} ${key}` === "events until" ||
          `${name} ${key}` === "containerStats stream"
        )
          continue;
        for (const text of key === "filters" ? [...queryTexts(), ...filterTexts()] : queryTexts()) {
          const target = path.replace("{name*}", "base").replace(/\{(name|id)\}/, id);
          const others = Object.entries(beside.get(name) ?? {}).filter(([also]) => also !== key);
          const other = others.map(([also, value]) => `&${also}=${value}`).join("");
          const encoded = encodeURIComponent(text.isWellFormed() ? text : "\ufffd");
          queries.push({ path: `${method} ${target}`, body: `${key}=${encoded}${other}` });
        }
      }
    }
    const cases = chosen(queries);
    for (const odd of cases) {
      const [method = "", path = ""] = odd.path.split(" ");
      const send = path.endsWith("/create") ? body : undefined;
      const answer = await ask(method, `${path}?${odd.body}`, send);
      judge(method, odd, answer);
      if (path.endsWith("/create") && answer.status === 201)
        await ask("DELETE", `/containers/${idOf(answer)}`);
    }
    report("queries", cases.length);
    expect(faults.splice(0)).toEqual([]);
  },
  limitMs,
);
