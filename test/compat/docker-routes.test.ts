/** The requests of tools/route-cases.ts, as they are, to this engine and to Docker's own. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  type RouteCase,
  type RouteStep,
  routeCases,
  routeOf,
  routesByCase,
} from "../../tools/route-cases.ts";
import { makeBusyboxRoot } from "../support/busybox-root.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

/** What the Docker engines that Debian has speak. */
const version = "/v1.41";

let engine: TestEngine;
/** Routes that have answered with success. */
const served = new Set<string>();
let docker: OwnDockerd;

if (!hasDockerd) {
  test.skip("requests to both engines (dockerd is not installed)", () => {});
} else {
  beforeAll(async () => {
    [engine, docker] = await Promise.all([startEngine(), OwnDockerd.start()]);
    using files = temporaryDirectory("docker-routes");
    const tar = Bun.spawn(["tar", "-C", makeBusyboxRoot(files.path), "-c", "."], {
      stdout: "pipe",
    });
    const body = await new Response(tar.stdout).blob();
    const url = "http://localhost/images/create?fromSrc=-&repo=base&tag=latest&changes=ENV%20PATH=/bin";
    for (const { socket } of [engine, docker])
      await (await fetch(url, { method: "POST", unix: socket, body })).text();
  }, 120_000);
  afterAll(async () => {
    await Promise.all([engine[Symbol.asyncDispose](), docker[Symbol.asyncDispose]()]);
  });

  test.each(routeCases.map((entry) => [entry.what, entry] as const))("%s", async (_what, entry) => {
    const [ours, theirs] = await Promise.all([answers(engine.socket, entry), answers(docker.socket, entry)]);
    const { words = {}, differs = {} } = entry;
    for (const { step, status } of ours) if (status < 400) served.add(routeOf(step) ?? "");
    for (const { step, status } of ours) {
      const [wanted] = differs[step] ?? [];
      if (wanted !== undefined && status >= 400) expect([step, status]).toEqual([step, wanted]);
    }
    const compared = (all: readonly Answer[]): unknown[] =>
      all.map((answer) => {
        if (differs[answer.step] !== undefined) return answer.step;
        return words[answer.step] === undefined ? answer : { ...answer, message: "" };
      });
    expect(compared(ours)).toEqual(compared(theirs));
  });

  test("what is said to be shown by a case has done its work in one", () => {
    expect(routesByCase().filter((name) => !served.has(name))).toEqual([]);
  });
}

interface Answer {
  readonly step: string;
  readonly status: number;
  readonly type: string;
  /** Of an error. */
  readonly message: string;
  readonly document: unknown;
}

async function answers(socket: string, { steps, values = {} }: RouteCase): Promise<Answer[]> {
  const all: Answer[] = [];
  for (const step of steps) all.push(await answerTo(socket, step, values[step[0]]));
  return all;
}

async function answerTo(
  socket: string,
  [request, body]: RouteStep,
  paths: readonly string[] | undefined,
): Promise<Answer> {
  const [method = "", target = ""] = request.split(" ");
  const response = await fetch(`http://localhost${version}${target}`, {
    method,
    unix: socket,
    redirect: "manual",
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    ...(body !== undefined && { headers: { "Content-Type": "application/json" } }),
  });
  const type = response.headers.get("content-type") ?? "";
  const isDocument = type.startsWith("application/json");
  const text = isDocument ? await response.text() : "";
  if (!isDocument) await response.body?.cancel();
  const document = parsed(text);
  const message = plain(textAt(document, "message"));
  return {
    step: request,
    status: response.status,
    type,
    message,
    document: response.status >= 400 ? "" : paths === undefined ? names(document) : valuesOf(document, paths),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return "no document";
  }
}

function at(document: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((found, name) => {
    const entries = typeof found === "object" && found !== null ? Object.entries(found) : [];
    return entries.find(([key]) => key === name)?.[1];
  }, document);
}

function textAt(document: unknown, path: string): string {
  const found = at(document, path);
  return typeof found === "string" ? found : "";
}

function valuesOf(document: unknown, paths: readonly string[]): unknown {
  return paths.map((path) => at(document, path));
}

/** What is named at the top of it, or of the first in a list. */
function names(document: unknown): unknown {
  if (Array.isArray(document)) return [names(document[0])];
  return typeof document === "object" && document !== null ? Object.keys(document).sort() : typeof document;
}

function plain(text: string): string {
  return text.replaceAll(/[0-9a-f]{64}/g, "ID").replaceAll(/[0-9a-f]{12}/g, "ID");
}
