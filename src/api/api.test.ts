import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { pause, until } from "../../test/support/until.ts";
import { encodeFrame, encodeJsonFrame, FrameDecoder, frameText, frameTypes } from "../docker/framing.ts";
import { TiffinError } from "../lib/errors.ts";
import { RawClient } from "../transport/testing/raw-client.ts";
import { type ApiServer, createApi } from "./mod.ts";
import { type FakeEngine, fakeEngine } from "./testing/fake-engine.ts";

let directory = "";
let engine: FakeEngine;
let api: ApiServer;
let client: RawClient;
let faults: unknown[] = [];

beforeEach(async () => {
  directory = mkdtempSync("/tmp/tiffin-test-api-");
  engine = fakeEngine();
  faults = [];
  api = createApi(engine, { version: "0.0.1", onFault: (error) => faults.push(error) });
  await api.listen(`unix://${directory}/s`);
  client = await RawClient.open(`${directory}/s`);
});

afterEach(async () => {
  client.destroy();
  await api.close(0);
  rmSync(directory, { recursive: true });
});

async function ask(method: string, target: string, body?: unknown, contentType = "application/json") {
  const json = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  const fields = body === undefined ? "" : `Content-Type: ${contentType}\r\n`;
  client.send(
    `${method} ${target} HTTP/1.1\r\nHost: docker\r\n${fields}Content-Length: ${json.length}\r\n\r\n${json}`,
  );
  const { status, head, body: text } = await client.reply(method === "HEAD");
  const value: unknown = text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : text;
  return { status, head, value };
}

/** Creates a container and returns its id. */
function create(name: string, body: Record<string, unknown>): string {
  const before = new Set(engine.all.keys());
  void engine.containers.create({ name, body: { Image: "base", ...body } });
  for (const id of engine.all.keys()) if (!before.has(id)) return id;
  throw new Error("not created");
}

const upgrade = "Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n";

/** Sends a request that takes the connection over and returns the head of the reply. */
async function takeOver(request: string): Promise<string> {
  client.send(request);
  await client.until((text) => text.includes("\r\n\r\n"));
  const head = await client.take(client.text.indexOf("\r\n\r\n") + 4);
  return head.toString();
}

function framesIn(text: string): { readonly type: number; readonly text: string }[] {
  const frames: { type: number; text: string }[] = [];
  const add = (type: number, payload: Uint8Array) => frames.push({ type, text: frameText(payload) });
  new FrameDecoder({ part: add, control: add }).push(Buffer.from(text, "latin1"));
  return frames;
}

test("ping tells what clients need to know", async () => {
  for (const method of ["GET", "HEAD"]) {
    const { status, head, value } = await ask(method, "/_ping");
    expect(status).toBe(200);
    expect(value).toBe(method === "GET" ? "OK" : "");
    for (const line of [
      "Api-Version: 1.50",
      "Docker-Experimental: false",
      "Ostype: linux",
      "Server: Tiffin/0.0.1 (linux)",
      "Builder-Version: 1",
      "Swarm: inactive",
      "Cache-Control: no-cache, no-store, must-revalidate",
    ]) {
      expect(head).toContain(`${line}\r\n`);
    }
  }
});

test("routes of Docker that are not there say so, those of a swarm as an engine without one", async () => {
  const cases = [
    ["POST", "/plugins/create", 501, "fetching and making plug-ins is not there yet in this engine"],
    ["GET", "/plugins/some/json", 404, 'plugin "some" not found'],
    ["POST", "/swarm/leave", 503, "This node is not part of a swarm"],
    ["GET", "/services", 503, "This node is not a swarm manager."],
    ["GET", "/networks/a/b", 404, "page not found"],
  ] as const;
  for (const [method, path, status, message] of cases) {
    const answer = await ask(method, path);
    expect([path, answer.status, answer.value]).toEqual([
      path,
      status,
      expect.objectContaining({ message: expect.stringContaining(message) }),
    ]);
  }
});

test("an engine without plug-ins lists none, OPTIONS are answered, and empty parts of a path lead to the one without", async () => {
  expect(await ask("GET", "/plugins")).toMatchObject({ status: 200, value: [] });
  expect(await ask("GET", "/networks/")).toMatchObject({ status: 200 });
  expect(await ask("OPTIONS", "/anything")).toMatchObject({ status: 200 });
  const { status, head } = await ask("GET", "//v1.41//containers/json?all=1");
  expect([status, /^location: (.*)\r?$/im.exec(String(head))?.[1]?.trim()]).toEqual([
    301,
    "/v1.41/containers/json?all=1",
  ]);
});

test("paths, versions and methods that are not served", async () => {
  expect(await ask("GET", "/nothing")).toMatchObject({ status: 404, value: { message: "page not found" } });
  expect(await ask("PUT", "/containers/json")).toMatchObject({
    status: 404,
    value: { message: "page not found" },
  });
  expect(await ask("GET", "/v1.24/_ping")).toMatchObject({ status: 200 });
  expect(await ask("GET", "/v1.51/version")).toMatchObject({
    status: 400,
    value: { message: "client version 1.51 is too new. Maximum supported API version is 1.50" },
  });
  expect(await ask("GET", "/v1.12/version")).toMatchObject({
    status: 400,
    value: { code: "api.client-too-old" },
  });
  expect(await ask("GET", "/containers/%zz/json")).toMatchObject({
    status: 400,
    value: { code: "api.path-invalid" },
  });
});

test("bodies that cannot be used", async () => {
  const target = "/v1.50/containers/create";
  expect(await ask("POST", target, "{")).toMatchObject({
    status: 400,
    value: { message: "invalid request body: not JSON", code: "api.body-invalid" },
  });
  expect(await ask("POST", target, { Tty: "yes" })).toMatchObject({
    status: 400,
    value: { message: 'invalid Tty: found "yes", wanted true or false' },
  });
  expect(await ask("POST", target, "{}", "text/plain")).toMatchObject({
    status: 400,
    value: { message: "unsupported Content-Type header (text/plain): must be 'application/json'" },
  });
  expect(await ask("POST", target)).toMatchObject({
    status: 400,
    value: { message: "config cannot be empty in order to create a container" },
  });
  expect(await ask("POST", target, "\xff")).toMatchObject({
    status: 400,
    value: { code: "api.body-invalid" },
  });
  expect(faults).toEqual([]);
});

test("a container's life by requests", async () => {
  const created = await ask(
    "POST",
    "/containers/create?name=one",
    { Image: "base", Cmd: ["sleep"] },
    "application/json; charset=utf-8",
  );
  expect(created).toMatchObject({ status: 201, value: { Warnings: [] } });
  expect(await ask("POST", "/containers/create?name=one", { Image: "base" })).toMatchObject({ status: 409 });
  expect(await ask("POST", "/containers/create", { Image: "other" })).toMatchObject({
    status: 404,
    value: { message: "No such image: other:latest", code: "image.not-found", exitCode: 125 },
  });
  expect((await ask("GET", "/containers/json")).value).toEqual([]);
  expect((await ask("GET", "/containers/json?all=1")).value).toMatchObject([
    { Names: ["/one"], State: "created" },
  ]);
  expect(await ask("POST", "/containers/one/kill")).toMatchObject({ status: 409 });
  expect((await ask("POST", "/containers/one/start")).status).toBe(204);
  expect((await ask("POST", "/containers/one/start")).status).toBe(304);
  expect(await ask("GET", "/containers/one/json")).toMatchObject({
    status: 200,
    value: { State: { Running: true } },
  });
  expect(await ask("DELETE", "/containers/one")).toMatchObject({
    status: 409,
    value: {
      message:
        'cannot remove container "/one": container is running: stop the container before removing or force remove',
    },
  });
  expect((await ask("POST", "/containers/one/rename?name=two")).status).toBe(204);
  expect((await ask("POST", "/containers/two/resize?h=10&w=20")).status).toBe(200);
  expect(await ask("POST", "/containers/two/resize?h=a&w=20")).toMatchObject({ status: 400 });
  expect((await ask("POST", "/containers/two/stop?t=1&signal=SIGINT")).status).toBe(204);
  expect((await ask("POST", "/containers/two/stop")).status).toBe(304);
  expect((await ask("DELETE", "/containers/two?v=1")).status).toBe(204);
  expect(await ask("GET", "/containers/two/json")).toMatchObject({
    status: 404,
    value: { message: "No such container: two" },
  });
});

test("resize and signal reach the process", async () => {
  const id = create("p", { Cmd: ["sleep"] });
  await ask("POST", "/containers/p/start");
  await ask("POST", "/containers/p/resize?h=10&w=20");
  await ask("POST", "/v1.41/containers/p/stop?signal=SIGUSR1");
  const process = engine.all.get(id)?.process;
  expect(process?.sizes).toEqual([{ height: 10, width: 20 }]);
  // `signal` came with 1.42; an older client cannot have meant it.
  expect(process?.signals).toEqual(["SIGTERM"]);
});

test("wait answers its head at once and its document at the exit", async () => {
  create("w", { Cmd: ["sleep"] });
  const waiter = await RawClient.open(`${directory}/s`);
  waiter.send("POST /containers/w/wait?condition=next-exit HTTP/1.1\r\n\r\n");
  await waiter.until((text) => text.endsWith("\r\n\r\n"));
  expect(waiter.text).toStartWith("HTTP/1.1 200 OK\r\n");
  await ask("POST", "/containers/w/start");
  await ask("POST", "/containers/w/kill");
  await waiter.until((text) => text.endsWith("0\r\n\r\n"));
  expect(waiter.text).toContain('{"StatusCode":137}\n');
  waiter.destroy();
});

test("wait with a condition that is none, and for a container that is none", async () => {
  create("w", {});
  expect(await ask("POST", "/containers/w/wait?condition=soon")).toMatchObject({
    status: 400,
    value: { message: 'invalid condition: "soon"' },
  });
  expect(await ask("POST", "/containers/x/wait")).toMatchObject({ status: 404 });
});

test("a client that goes ends its wait, quietly", async () => {
  create("w", { Cmd: ["sleep"] });
  const waiter = await RawClient.open(`${directory}/s`);
  waiter.send("POST /containers/w/wait?condition=next-exit HTTP/1.1\r\n\r\n");
  await waiter.until((text) => text.endsWith("\r\n\r\n"));
  waiter.destroy();
  await until("the abort", () => engine.aborts !== 0);
  expect(faults).toEqual([]);
});

test("logs: frames, times, streams, tail", async () => {
  const id = create("l", { Cmd: ["sleep"] });
  await ask("POST", "/containers/l/start");
  const process = engine.all.get(id)?.process;
  for (const line of ["one\n", "two\n"]) process?.output("stdout", Buffer.from(line));
  process?.output("stderr", Buffer.from("bad\n"));
  const read = async (query: string, version = "1.50") => {
    const reader = await RawClient.open(`${directory}/s`);
    reader.send(`GET /v${version}/containers/l/logs?${query} HTTP/1.0\r\n\r\n`);
    const text = await reader.untilEnd();
    reader.destroy();
    const [head = "", ...rest] = text.split("\r\n\r\n");
    return { head, frames: framesIn(rest.join("\r\n\r\n")) };
  };
  const all = await read("stdout=1&stderr=1");
  expect(all.head).toContain("Content-Type: application/vnd.docker.multiplexed-stream");
  expect(all.frames).toEqual([
    { type: 1, text: "one\n" },
    { type: 1, text: "two\n" },
    { type: 2, text: "bad\n" },
  ]);
  expect((await read("stdout=1&tail=1&timestamps=1")).frames).toEqual([
    { type: 1, text: "2026-01-02T03:04:05.000000000Z two\n" },
  ]);
  expect((await read("stderr=1", "1.41")).head).toContain("Content-Type: application/vnd.docker.raw-stream");
  expect(await ask("GET", "/containers/l/logs")).toMatchObject({
    status: 400,
    value: { message: "Bad parameters: you must choose at least one stream" },
  });
  expect(await ask("GET", "/containers/l/logs?stdout=1&since=today")).toMatchObject({ status: 400 });
});

test("following logs ends with the client", async () => {
  create("l", { Cmd: ["sleep"] });
  await ask("POST", "/containers/l/start");
  const follower = await RawClient.open(`${directory}/s`);
  follower.send("GET /containers/l/logs?stdout=1&follow=1 HTTP/1.1\r\n\r\n");
  await follower.until((text) => text.endsWith("\r\n\r\n"));
  follower.destroy();
  await until("the abort", () => engine.aborts !== 0);
  expect(faults).toEqual([]);
});

test.each([
  ["1.50", false, "application/vnd.docker.multiplexed-stream"],
  ["1.41", false, "application/vnd.docker.raw-stream"],
  ["1.50", true, "application/vnd.docker.raw-stream"],
])("attach by 101, version %s, terminal %j", async (version, Tty, mediaType) => {
  create("a", { Cmd: ["cat"], OpenStdin: true, Tty });
  const head = await takeOver(
    `POST /v${version}/containers/a/attach?stream=1&stdin=1&stdout=1&stderr=1 HTTP/1.1\r\n${upgrade}\r\nearly`,
  );
  expect(head).toStartWith("HTTP/1.1 101 UPGRADED\r\n");
  expect(head).toContain(`Content-Type: ${mediaType}\r\n`);
  expect(head).toContain("Connection: Upgrade\r\nUpgrade: tcp\r\n");
  await engine.containers.start("a");
  client.send(" late");
  await client.until((text) => text.endsWith("late"));
  if (Tty) await engine.containers.kill("a", undefined);
  else client.end();
  const text = await client.untilEnd();
  if (Tty) expect(text).toBe("early late");
  else
    expect(
      framesIn(text)
        .map((frame) => frame.text)
        .join(""),
    ).toBe("early late");
});

test("attach the older way is a bare 200", async () => {
  create("a", { Cmd: ["echo", "hi"] });
  const head = await takeOver("POST /containers/a/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: docker\r\n\r\n");
  expect(head).toStartWith("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n");
  expect(head).not.toContain("Content-Length");
  expect(head).not.toContain("Transfer-Encoding");
  await engine.containers.start("a");
  expect(framesIn(await client.untilEnd())).toEqual([{ type: 1, text: "hi\n" }]);
});

test("attach to nothing is a 404, bad detach keys a 400", async () => {
  expect(await ask("POST", "/containers/none/attach?stream=1")).toMatchObject({ status: 404 });
  create("a", {});
  expect(await ask("POST", "/containers/a/attach?stream=1&detachKeys=nope")).toMatchObject({
    status: 400,
    value: { message: "Invalid detach keys (nope) provided" },
  });
});

test("the detach keys end the connection and nothing else", async () => {
  const id = create("a", { Cmd: ["cat"], OpenStdin: true, Tty: true });
  await engine.containers.start("a");
  await takeOver(
    `POST /containers/a/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-a,x HTTP/1.1\r\n${upgrade}\r\n`,
  );
  client.send("typed\x01");
  await client.until((text) => text === "typed");
  client.send("x");
  expect(await client.untilEnd()).toBe("typed");
  expect(engine.all.get(id)?.process.state).toBe("running");
  expect(engine.all.get(id)?.process.clients).toEqual([]);
});

test("a client that goes is detached from the process", async () => {
  const id = create("a", { Cmd: ["cat"], OpenStdin: true });
  await engine.containers.start("a");
  await takeOver(`POST /containers/a/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\n${upgrade}\r\n`);
  expect(engine.all.get(id)?.process.clients.length).toBe(1);
  client.destroy();
  await until("the client to be gone", () => engine.all.get(id)?.process.clients.length === 0);
});

test("without stdin=1 what the client sends is not input", async () => {
  const id = create("a", { Cmd: ["cat"], OpenStdin: true });
  await engine.containers.start("a");
  await takeOver(`POST /containers/a/attach?stream=1&stdout=1 HTTP/1.1\r\n${upgrade}\r\nignored`);
  client.end();
  await ask("GET", "/_ping").catch(() => undefined);
  expect(engine.all.get(id)?.process.state).toBe("running");
  expect(engine.all.get(id)?.process.log).toEqual([]);
});

test("exec: create, start, inspect", async () => {
  create("c", { Cmd: ["sleep"] });
  expect(await ask("POST", "/containers/c/exec", { Cmd: ["echo", "x"] })).toMatchObject({ status: 409 });
  await engine.containers.start("c");
  const { value } = await ask("POST", "/containers/c/exec", { Cmd: ["warn", "x"], AttachStderr: true });
  const id = Object.values(Object.fromEntries(Object.entries(value as object)))[0];
  const start = JSON.stringify({ Detach: false, Tty: false });
  const head = await takeOver(
    `POST /v1.50/exec/${id}/start HTTP/1.1\r\n${upgrade}Content-Type: application/json\r\nContent-Length: ${start.length}\r\n\r\n${start}`,
  );
  expect(head).toContain("Content-Type: application/vnd.docker.multiplexed-stream\r\n");
  expect(framesIn(await client.untilEnd())).toEqual([{ type: 2, text: "x\n" }]);
  client = await RawClient.open(`${directory}/s`);
  expect((await ask("GET", `/exec/${id}/json`)).value).toMatchObject({ Running: false, ExitCode: 3, Pid: 0 });
  expect(await ask("POST", `/exec/${id}/start`, {})).toMatchObject({ status: 409 });
  expect(await ask("GET", "/exec/none/json")).toMatchObject({
    status: 404,
    value: { message: "No such exec instance: none" },
  });
});

test("a detached exec is answered with nothing", async () => {
  create("c", { Cmd: ["sleep"] });
  await engine.containers.start("c");
  const { Id } = await engine.execs.create("c", { Cmd: ["echo", "x"] });
  expect(await ask("POST", `/exec/${Id}/start`, { Detach: true })).toMatchObject({ status: 200, value: "" });
  expect(await ask("GET", `/exec/${Id}/json`)).toMatchObject({ value: { Running: false, ExitCode: 0 } });
});

test("image names may have slashes", async () => {
  expect(await ask("GET", "/images/library/base:latest/json")).toMatchObject({ status: 200 });
  expect(await ask("GET", "/images/no/such/json")).toMatchObject({
    status: 404,
    value: { message: "No such image: no/such:latest" },
  });
  expect((await ask("GET", "/v1.43/images/json")).value).toMatchObject([{ VirtualSize: 2_000_000 }]);
});

/** Starts a session; what was received so far stays in the client. */
async function openSession(target: string, body: unknown): Promise<void> {
  const json = JSON.stringify(body);
  const head = await takeOver(
    `POST ${target} HTTP/1.1\r\n${upgrade}Content-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`,
  );
  expect(head).toStartWith("HTTP/1.1 101 UPGRADED\r\n");
}

test("run: started, output, exit, gone", async () => {
  await openSession("/tiffin/run", {
    name: "r",
    remove: true,
    create: { Image: "base", Cmd: ["warn", "oops"], AttachStdout: true, AttachStderr: true },
  });
  const frames = framesIn(await client.untilEnd());
  expect(frames.map((frame) => frame.type)).toEqual([
    frameTypes.started,
    frameTypes.stderr,
    frameTypes.exited,
  ]);
  expect(JSON.parse(frames[0]?.text ?? "")).toMatchObject({ Warnings: [] });
  expect(frames[1]?.text).toBe("oops\n");
  expect(JSON.parse(frames[2]?.text ?? "")).toEqual({ StatusCode: 3 });
  expect(engine.all.size).toBe(0);
});

test("run: a start that fails is told in the session", async () => {
  await openSession("/tiffin/run", { create: { Image: "base", Cmd: ["nope"] } });
  const [frame, ...more] = framesIn(await client.untilEnd());
  expect(more).toEqual([]);
  expect(frame?.type).toBe(frameTypes.failed);
  expect(JSON.parse(frame?.text ?? "")).toEqual({
    message: 'exec: "nope": executable file not found in $PATH',
    exitCode: 127,
    code: "container.program-missing",
    kind: "invalid",
  });
  expect(engine.all.size).toBe(0);
});

test("run: stdin, its end, resize and signal", async () => {
  await openSession("/tiffin/run", {
    create: { Image: "base", Cmd: ["cat"], OpenStdin: true, AttachStdin: true, AttachStdout: true },
  });
  const session = [...engine.all.values()][0];
  client.send(encodeFrame(frameTypes.stdin, Buffer.from("hello")));
  client.send(encodeJsonFrame(frameTypes.resize, { h: 3, w: 4 }));
  await client.until((text) => text.includes("hello"));
  expect(session?.process.sizes).toEqual([{ height: 3, width: 4 }]);
  client.send(encodeFrame(frameTypes.stdinEnd, new Uint8Array(0)));
  const frames = framesIn(await client.untilEnd());
  expect(frames.at(-1)).toEqual({ type: frameTypes.exited, text: '{"StatusCode":0}' });
});

test("run on a terminal: output is wrapped, the detach keys leave", async () => {
  await openSession("/tiffin/run", {
    detachKeys: "ctrl-x",
    create: {
      Image: "base",
      Cmd: ["cat"],
      Tty: true,
      OpenStdin: true,
      AttachStdin: true,
      AttachStdout: true,
    },
  });
  client.send(encodeFrame(frameTypes.stdin, Buffer.from("ls")));
  await client.until((text) => text.includes("ls"));
  client.send(encodeFrame(frameTypes.stdin, Buffer.from("\x18")));
  const frames = framesIn(await client.untilEnd());
  expect(frames.map((frame) => frame.type)).toEqual([
    frameTypes.started,
    frameTypes.stdout,
    frameTypes.detached,
  ]);
  expect([...engine.all.values()][0]?.process.state).toBe("running");
});

test("run: a signal ends what obeys it", async () => {
  await openSession("/tiffin/run", { create: { Image: "base", Cmd: ["sleep"], AttachStdout: true } });
  client.send(encodeJsonFrame(frameTypes.signal, { signal: "SIGTERM" }));
  expect(framesIn(await client.untilEnd()).at(-1)).toEqual({
    type: frameTypes.exited,
    text: '{"StatusCode":143}',
  });
});

test.each([
  ["an unknown type", encodeFrame(99, new Uint8Array(0)), "stream.frame-unknown"],
  ["a resize that is none", encodeJsonFrame(frameTypes.resize, { h: -1, w: 1 }), "api.body-invalid"],
  ["a header that is none", new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7]), "stream.frame-invalid"],
])("run: %s ends the session but not the container", async (_what, bytes, code) => {
  await openSession("/tiffin/run", { create: { Image: "base", Cmd: ["sleep"], AttachStdout: true } });
  client.send(bytes);
  const last = framesIn(await client.untilEnd()).at(-1);
  expect(last?.type).toBe(frameTypes.failed);
  expect(JSON.parse(last?.text ?? "")).toMatchObject({ code });
  expect([...engine.all.values()][0]?.process.state).toBe("running");
});

test("run: a client that goes leaves the container", async () => {
  await openSession("/tiffin/run", { create: { Image: "base", Cmd: ["sleep"], AttachStdout: true } });
  const container = [...engine.all.values()][0];
  client.destroy();
  await until("the client to be gone", () => container?.process.clients.length === 0);
  expect(container?.process.state).toBe("running");
});

test("run: megabytes to a slow client arrive whole before the exit", async () => {
  await openSession("/tiffin/run", {
    create: { Image: "base", Cmd: ["flood", "5000000"], AttachStdout: true },
    remove: true,
  });
  client.pause();
  await pause(30, "the reader stands still");
  client.resume();
  const frames = framesIn(await client.untilEnd());
  const output = frames.filter((frame) => frame.type === frameTypes.stdout);
  expect(output.reduce((sum, frame) => sum + frame.text.length, 0)).toBe(5_000_000);
  expect(frames.at(-1)?.type).toBe(frameTypes.exited);
});

test("a session needs an upgrade and starts nothing without", async () => {
  expect(await ask("POST", "/tiffin/run", { create: { Image: "base" } })).toMatchObject({
    status: 400,
    value: { code: "api.upgrade-wanted" },
  });
  expect(engine.all.size).toBe(0);
});

test("exec in one request", async () => {
  create("c", { Cmd: ["sleep"] });
  await engine.containers.start("c");
  await openSession("/tiffin/containers/c/exec", { create: { Cmd: ["echo", "x"], AttachStdout: true } });
  const frames = framesIn(await client.untilEnd());
  expect(frames.map((frame) => frame.type)).toEqual([
    frameTypes.started,
    frameTypes.stdout,
    frameTypes.exited,
  ]);
});

test("an engine that fails in an unexpected way is a 500, told once", async () => {
  // The text of a mistake is about the program, and stays with it.
  const text = "internal error of the engine; its log says more";
  for (const mistake of [new Error("bug"), new TypeError("undefined is not a function (near '...e.t...')")]) {
    faults = [];
    engine.containers.list = () => Promise.reject(mistake);
    expect(await ask("GET", "/containers/json")).toMatchObject({
      status: 500,
      value: { message: text, code: "api.fault" },
    });
    expect((faults[0] as Error).cause).toBe(mistake);
  }
  // What the system refused is about the world.
  const refusal = Object.assign(new Error("open /x: no space"), { code: "ENOSPC" });
  engine.containers.list = () => Promise.reject(refusal);
  expect((await ask("GET", "/containers/json")).value).toMatchObject({ message: "open /x: no space" });
  expect(faults[0]).toBeInstanceOf(TiffinError);
});

test("a refusal that repeats a long word shows its beginning and its end", async () => {
  engine.containers.list = () =>
    Promise.reject(new TiffinError("invalid", "test.long", `the word ${"x".repeat(1_000_000)} is too long`));
  const { message } = (await ask("GET", "/containers/json")).value as { readonly message: string };
  expect(message).toStartWith("the word xxx");
  expect(message).toEndWith("xxx is too long");
  expect(message).toContain(" [994901 characters] ");
});

test("a field that only old versions know is checked like every other", async () => {
  const body = (address: unknown) => ({ Image: "base", MacAddress: address });
  const refused = await ask("POST", "/v1.43/containers/create", body(7));
  expect([refused.status, refused.value]).toEqual([
    400,
    expect.objectContaining({
      message: 'invalid NetworkingConfig.EndpointsConfig["default"].MacAddress: found 7, wanted text',
    }),
  ]);
  expect((await ask("POST", "/v1.43/containers/create?name=old", body("02:42:ac:11:00:07"))).status).toBe(
    201,
  );
  const [made] = [...engine.all.values()].filter(({ name }) => name === "old");
  expect(made?.body.NetworkingConfig?.EndpointsConfig?.["default"]?.MacAddress).toBe("02:42:ac:11:00:07");
  // A body that is no object reaches the decoder as it is, in every version.
  for (const version of ["1.24", "1.43", "1.50"]) {
    expect((await ask("POST", `/v${version}/containers/create`, [])).status).toBe(400);
  }
});

test("work that tells how it gets on: lines while the request is still read, and a failure as the last of them", async () => {
  const load = async (...pieces: string[]) => {
    const response = await fetch("http://localhost/images/load", {
      unix: `${directory}/s`,
      method: "POST",
      body: new ReadableStream({
        start(controller) {
          for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
          controller.close();
        },
      }),
    });
    const lines = (await response.text()).trim().split("\n");
    return { status: response.status, lines: lines.map((line) => JSON.parse(line) as unknown) };
  };
  const done = await load("abc", "de");
  expect([done.status, done.lines.at(-1)]).toEqual([200, { stream: "Loaded image: base:latest\n" }]);
  expect(await load()).toMatchObject({ status: 400, lines: [{ message: "nothing in it" }] });
  const failed = await load("x".repeat(600), "y".repeat(600));
  expect([failed.status, failed.lines.at(-1)]).toEqual([
    200,
    {
      errorDetail: { message: "too much in it", tiffinCode: "archive.bad-image", tiffinKind: "invalid" },
      error: "too much in it",
    },
  ]);
});
