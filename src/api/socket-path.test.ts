import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { TiffinError } from "../lib/errors.ts";
import { createApi } from "./mod.ts";
import { findGroupId } from "./socket-path.ts";
import { fakeEngine } from "./testing/fake-engine.ts";

let directory = "";

beforeEach(() => {
  directory = mkdtempSync("/tmp/tiffin-test-socket-");
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

async function failureOf(listening: Promise<void>): Promise<Pick<TiffinError, "kind" | "code">> {
  const thrown: unknown = await listening.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof Error && "kind" in thrown && "code" in thrown) {
    return { kind: thrown.kind as TiffinError["kind"], code: String(thrown.code) };
  }
  throw new Error("did not fail with a typed error");
}

test("the socket is for its owner and group, and goes with the server", async () => {
  const path = `${directory}/s`;
  const api = createApi(fakeEngine());
  await api.listen(`unix://${path}`);
  expect(statSync(path).mode & 0o777).toBe(0o660);
  await api.close();
  expect(existsSync(path)).toBe(false);
});

test("a socket that nobody serves is taken over, one that is served is not", async () => {
  const path = `${directory}/s`;
  const script = `import { createServer } from "node:net"; createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"));`;
  await Bun.spawn([process.execPath, "-e", script]).exited;
  expect(existsSync(path)).toBe(true);
  const first = createApi(fakeEngine());
  await first.listen(`unix://${path}`);
  const second = createApi(fakeEngine());
  expect(await failureOf(second.listen(`unix://${path}`))).toEqual({
    kind: "conflict",
    code: "api.socket-in-use",
  });
  await second.close();
  expect(existsSync(path)).toBe(true);
  await first.close();
});

test("what is not a socket is left alone", async () => {
  const path = `${directory}/s`;
  writeFileSync(path, "precious");
  const api = createApi(fakeEngine());
  expect(await failureOf(api.listen(`unix://${path}`))).toEqual({
    kind: "conflict",
    code: "api.socket-occupied",
  });
  expect(existsSync(path)).toBe(true);
});

test("hosts that are none", async () => {
  const api = createApi(fakeEngine());
  for (const host of ["", "unix://relative", "tcp://127.0.0.1:2375", "http://x:1"]) {
    expect(await failureOf(api.listen(host))).toEqual({ kind: "invalid", code: "api.host" });
  }
  expect(await failureOf(api.listen(`unix:///${"a".repeat(120)}`))).toEqual({
    kind: "invalid",
    code: "api.socket-path",
  });
  expect(await failureOf(api.listen(`unix://${directory}/missing/s`))).toEqual({
    kind: "invalid",
    code: "api.socket-directory",
  });
});

test("the group is found by its exact name", () => {
  expect(findGroupId("root:x:0:\ntiffin:x:998:a,b\n")).toBe(998);
  expect(findGroupId("tiffins:x:1:\n#tiffin:x:2:\ntiffin:x:\n")).toBeUndefined();
});
