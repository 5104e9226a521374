/** The typed client over both transports: the synchronous one on a script, the asynchronous one on a real socket. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiClient } from "./api-client.ts";
import { EngineError, errorOfResponse } from "./api-error.ts";
import { AsyncTransport } from "./async-transport.ts";
import { chooseEndpoint, parseEndpoint } from "./endpoint.ts";
import { openWithBun } from "./open-bun.ts";
import { answerOf, beginRun } from "./session.ts";
import { SyncTransport } from "./sync-transport.ts";
import { type ScriptedAnswer, scriptedConnect } from "./testing/scripted-socket.ts";

const upgradeHead = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

function syncClient(answers: readonly ScriptedAnswer[], pieceBytes?: number) {
  const engine = scriptedConnect(answers, pieceBytes);
  const transport = new SyncTransport({ where: "unix:///x", connect: () => engine.connect("/x") });
  return { engine, transport, api: new ApiClient(transport) };
}

const created = { Id: "abc", Warnings: [] };

describe("calls", () => {
  test("a document goes through its decoder, its path and query through their codecs", async () => {
    const { api, engine } = syncClient([{ status: 201, json: created }]);
    expect(
      await api.document("containerCreate", { query: { name: "a b" }, body: { Image: "base" } }),
    ).toEqual(created);
    expect(engine.sent()).toBe(
      'POST /containers/create?name=a%20b HTTP/1.1\r\nHost: tiffin\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"Image":"base"}',
    );
  });

  test("names cannot leave their place in the path", async () => {
    const { api, engine } = syncClient([{ status: 204 }]);
    await api.perform("containerStart", { params: { name: "../x?y" } });
    expect(engine.sent()).toStartWith("POST /containers/..%2Fx%3Fy/start HTTP/1.1\r\n");
  });

  test("not modified is no error", async () => {
    const { api } = syncClient([{ status: 304 }, { status: 204 }]);
    expect(await api.perform("containerStop", { params: { name: "a" } })).toBe(false);
    expect(await api.perform("containerStop", { params: { name: "a" } })).toBe(true);
  });

  test("one connection serves several calls", async () => {
    const { api, engine } = syncClient([{ status: 204 }, { status: 201, json: created }, { status: 204 }]);
    await api.perform("containerStart", { params: { name: "a" } });
    await api.document("containerCreate", { body: {} });
    await api.perform("containerStart", { params: { name: "a" } });
    expect(engine.connections()).toBe(1);
  });

  test("errors keep the engine's words, kind, code, remedy and exit code", async () => {
    const json = { message: "No such image: x", code: "image.not-found", remedy: "pull it", exitCode: 125 };
    const { api } = syncClient([{ status: 404, json }]);
    const failure = await api.document("containerCreate", { body: {} }).catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(EngineError);
    expect(failure).toMatchObject({
      kind: "notFound",
      code: "image.not-found",
      message: "No such image: x",
      remedy: "pull it",
      exitCode: 125,
    });
  });

  test.each([
    [409, "conflict"],
    [400, "invalid"],
    [422, "invalid"],
    [500, "internal"],
    [501, "notImplemented"],
    [503, "unavailable"],
  ])("status %p is %s, also without a document", async (status, kind) => {
    const { api } = syncClient([{ raw: `HTTP/1.1 ${status} X\r\nContent-Length: 4\r\n\r\noops`, status }]);
    const failure = await api
      .perform("containerStart", { params: { name: "a" } })
      .catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ kind, message: "oops", code: "client.engine-error" });
  });

  test("a stream ends with its body and errors are told apart", async () => {
    const raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n";
    const { api } = syncClient([
      { status: 200, raw },
      { status: 404, json: { message: "no" } },
    ]);
    let text = "";
    for await (const chunk of (await api.stream("containerLogs", { params: { name: "a" } })).chunks) {
      text += new TextDecoder().decode(chunk);
    }
    expect(text).toBe("abcdef");
    const failure = await api
      .stream("containerLogs", { params: { name: "a" } })
      .catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ kind: "notFound", message: "no" });
  });

  test("a later document is there after its head", async () => {
    const { api } = syncClient([{ status: 200, json: { StatusCode: 3 } }]);
    const rest = await api.documentLater("containerWait", { params: { name: "a" } });
    expect(await rest()).toEqual({ StatusCode: 3 });
  });

  test("a session hands over what came with the head, and is refused in the engine's words", async () => {
    const { transport } = syncClient(
      [
        { status: 101, raw: `HTTP/1.1 100 Continue\r\n\r\n${upgradeHead}early` },
        { status: 409, json: { message: "no" } },
      ],
      1000,
    );
    const upgraded = await answerOf(await beginRun(transport, { create: {} }));
    expect(new TextDecoder().decode(upgraded.early)).toBe("early");
    const refused = await answerOf(await beginRun(transport, { create: {} })).catch(
      (thrown: unknown) => thrown,
    );
    expect(refused).toMatchObject({ kind: "conflict", message: "no" });
  });
});

describe("connections", () => {
  const failing = (code: string) => () => {
    throw Object.assign(new Error(code), { code });
  };

  test("the engine is brought up once when nobody listens", async () => {
    const engine = scriptedConnect([{ status: 204 }]);
    let up = 0;
    const transport = new SyncTransport({
      where: "unix:///x",
      connect: () => (up === 0 ? failing("ECONNREFUSED")() : engine.connect("/x")),
      async bringUp() {
        up += 1;
      },
    });
    expect((await transport.request({ method: "GET", path: "/" })).status).toBe(204);
    expect(up).toBe(1);
  });

  test.each([
    ["ENOENT", "unavailable"],
    ["EACCES", "forbidden"],
  ])("%s", async (code, kind) => {
    const transport = new SyncTransport({ where: "unix:///x", connect: failing(code) });
    const failure = await transport.request({ method: "GET", path: "/" }).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ kind, code: "client.unreachable" });
  });

  test("an answer that breaks off is a lost connection", async () => {
    const { transport } = syncClient([{ status: 200, raw: "HTTP/1.1 200 OK\r\nContent-Le" }]);
    const failure = await transport.request({ method: "GET", path: "/" }).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: "client.connection-lost" });
  });

  test("a kept connection that was closed is replaced for what may be repeated only", async () => {
    const engine = scriptedConnect([
      { status: 204 },
      { status: 200, raw: "" },
      { status: 204 },
      { status: 200, raw: "" },
    ]);
    const transport = new SyncTransport({ where: "unix:///x", connect: () => engine.connect("/x") });
    await transport.request({ method: "GET", path: "/1" });
    expect((await transport.request({ method: "GET", path: "/2" })).status).toBe(204);
    expect(engine.connections()).toBe(2);
    const failure = await transport
      .request({ method: "POST", path: "/3" })
      .catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: "client.connection-lost" });
  });
});

test("a call that the engine does not know is told as one, whoever's engine it is", () => {
  const answer = (document: object) => ({
    status: 404,
    headers: new Map<string, string>(),
    body: new TextEncoder().encode(JSON.stringify(document)),
  });
  const unknown = {
    code: "api.no-route",
    message: "page not found",
    remedy: expect.stringContaining("older than"),
  };
  expect(errorOfResponse(answer({ message: "page not found" }))).toMatchObject(unknown);
  expect(errorOfResponse(answer({ message: "page not found", code: "api.no-route" }))).toMatchObject(unknown);
  const other = errorOfResponse(answer({ message: "No such container: x" }));
  expect([other.code, other.remedy]).toEqual(["client.engine-error", undefined]);
});

describe("endpoints", () => {
  test("option, then TIFFIN_HOST, then DOCKER_HOST, then the default", () => {
    const env = { TIFFIN_HOST: "unix:///t", DOCKER_HOST: "unix:///d" };
    expect(chooseEndpoint("unix:///o", env).text).toBe("unix:///o");
    expect(chooseEndpoint("", env).text).toBe("unix:///t");
    expect(chooseEndpoint(undefined, { DOCKER_HOST: "unix:///d" }).text).toBe("unix:///d");
    expect(chooseEndpoint(undefined, { TIFFIN_HOST: "" }).text).toBe("unix:///run/tiffin.sock");
  });

  test.each([
    ["unix:///a/b", { kind: "unix", path: "/a/b" }],
    ["tcp://host:1234", { kind: "tcp", host: "host", port: 1234 }],
    ["tcp://[::1]", { kind: "tcp", host: "::1", port: 2375 }],
  ])("%s", (text, wanted) => expect(parseEndpoint(text)).toMatchObject(wanted));

  test.each([
    "",
    "unix://",
    "unix://relative",
    "tcp://h:99999",
    "ssh://-oProxyCommand=x",
    "ssh://u:p@h",
    "ssh://h:0",
    "http:/x",
  ])("%p is refused", (text) => {
    expect(() => parseEndpoint(text)).toThrow(expect.objectContaining({ code: "client.bad-endpoint" }));
  });
});

describe("the asynchronous transport", () => {
  const directory = mkdtempSync(join(tmpdir(), "tiffin-test-client-"));
  const path = join(directory, "s");
  const big = "x".repeat(3_000_000);
  const listener = Bun.listen({
    unix: path,
    allowHalfOpen: true,
    socket: {
      data(socket, data) {
        const target = data.toString().split(" ")[1] ?? "";
        if (target.startsWith("/tiffin/run")) {
          socket.write(`${upgradeHead}early`);
        } else if (target.startsWith("/containers/")) {
          socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 16\r\n\r\n{"message":"no"}');
        } else if (target === "/big") {
          socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${big.length}\r\n\r\n${big.slice(0, 100_000)}`);
        } else socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n`);
      },
    },
  });
  const endpoint = parseEndpoint(`unix://${path}`);
  const transport = new AsyncTransport({ endpoint, open: openWithBun });
  afterAll(() => {
    listener.stop(true);
    rmSync(directory, { recursive: true });
  });

  test("answers, errors, several at once", async () => {
    const api = new ApiClient(transport);
    const calls = [1, 2, 3].map(() => transport.request({ method: "GET", path: "/_ping" }));
    for (const answer of await Promise.all(calls)) expect(new TextDecoder().decode(answer.body)).toBe("OK");
    const failure = await api
      .perform("containerStart", { params: { name: "a" } })
      .catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ kind: "notFound", message: "no" });
  });

  test("an answer that breaks off", async () => {
    const failure = await transport
      .request({ method: "GET", path: "/big" })
      .catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: "client.connection-lost" });
  });

  test("a session's stream with its early bytes", async () => {
    const upgraded = await answerOf(await beginRun(transport, { create: {} }));
    expect(new TextDecoder().decode(upgraded.early)).toBe("early");
    upgraded.stream.destroy();
  });

  test("nobody there", async () => {
    const none = new AsyncTransport({
      endpoint: parseEndpoint(`unix://${directory}/none`),
      open: openWithBun,
    });
    const failure = await none.request({ method: "GET", path: "/" }).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: "client.unreachable" });
  });
});
