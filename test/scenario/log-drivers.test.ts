/** Output that goes to receivers elsewhere: real sockets, the drivers' own protocols, and engines that come and go meanwhile. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { gunzipSync } from "node:zlib";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;
let directory = "";
beforeAll(async () => {
  engine = await startEngine();
  directory = mkdtempSync("/tmp/tiffin-test-log-drivers-");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

/** Whatever comes over TCP, in one piece. */
async function tcpReceiver(port = 0) {
  const parts: Buffer[] = [];
  const server: Server = createServer((socket) => {
    socket.on("data", (chunk) => parts.push(Buffer.from(chunk)));
    socket.on("error", () => {});
  });
  const listening = Promise.withResolvers<void>();
  server.listen(port, "127.0.0.1", listening.resolve);
  await listening.promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    bytes: () => Buffer.concat(parts),
    text: () => Buffer.concat(parts).toString(),
    [Symbol.dispose]: () => void server.close(),
  };
}

async function udpReceiver() {
  const packets: Buffer[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (message) => packets.push(message));
  const bound = Promise.withResolvers<void>();
  socket.bind(0, "127.0.0.1", bound.resolve);
  await bound.promise;
  return { port: socket.address().port, packets, [Symbol.dispose]: () => socket.close() };
}

const options = (driver: string, ...values: readonly string[]): string[] => [
  "--log-driver",
  driver,
  ...values.flatMap((value) => ["--log-opt", value]),
];

async function run(name: string, flags: readonly string[], script: string): Promise<void> {
  const { exitCode, stderr } = await engine.cli(
    ...["run", "--name", name, "--network", "none", ...flags, "base", "sh", "-c", script],
  );
  expect([exitCode, stderr]).toEqual([0, ""]);
}

async function refused(...flags: readonly string[]): Promise<string> {
  const { exitCode, stderr } = await engine.cli("run", "--rm", ...flags, "base", "true");
  expect(exitCode).toBe(125);
  return stderr;
}

test("syslog has each line with priority, tag and time, and logs reads the files", async () => {
  using receiver = await tcpReceiver();
  const flags = options(
    "syslog",
    `syslog-address=tcp://127.0.0.1:${receiver.port}`,
    "syslog-facility=local3",
    "syslog-format=rfc5424micro",
    "tag={{.Name}}",
  );
  await run("sys", flags, "echo one; echo two");
  await until("both lines have come", () => receiver.text().split("\n").length > 2);
  expect(receiver.text()).toMatch(
    /^<158>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ sys \d+ sys - one\n<158>1 .* two\n$/,
  );
  expect(await engine.output("logs", "sys")).toBe("one\ntwo");
});

test("gelf is a JSON document in a packed packet", async () => {
  using receiver = await udpReceiver();
  const address = `gelf-address=udp://127.0.0.1:${receiver.port}`;
  await run("gelf", [...options("gelf", address, "labels=of"), "--label", "of=me"], "echo hello");
  await until("the packet has come", () => receiver.packets.length > 0);
  const document = JSON.parse(gunzipSync(receiver.packets[0] ?? Buffer.alloc(0)).toString());
  expect(document).toMatchObject({
    version: "1.1",
    short_message: "hello",
    level: 6,
    _container_name: "gelf",
    _image_name: "base",
    _of: "me",
  });
});

test("fluentd has an event of the forward protocol", async () => {
  using receiver = await tcpReceiver();
  await run(
    "fluent",
    options("fluentd", `fluentd-address=127.0.0.1:${receiver.port}`, "tag=mine"),
    "echo hello",
  );
  await until("the event has come", () => receiver.bytes().includes("hello"));
  const bytes = receiver.bytes();
  expect(bytes.subarray(0, 6)).toEqual(Buffer.from([0x93, 0xa4, ...Buffer.from("mine")]));
  expect(bytes[6]).toBe(0xce);
  expect(bytes.toString("latin1")).toContain("\xaecontainer_name\xa7/fluent");
  expect(bytes.toString("latin1")).toContain("\xa3log\xa5hello");
});

test("what no receiver takes while it is away comes later, once, and the container does not wait", async () => {
  const receiver = await tcpReceiver();
  const { port } = receiver;
  const flags = options("syslog", `syslog-address=tcp://127.0.0.1:${port}`, "mode=non-blocking");
  await engine.output(
    ...["run", "-d", "--name", "lasting", "--network", "none", ...flags, "base", "sh", "-c"],
    "echo first; cat /dev/zero | head -c 1000000 | tr '\\0' '\\n' >/dev/null; while [ ! -e /go ]; do sleep 0.05; done; echo second; sleep 1000",
  );
  await until("the first line has come", () => receiver.text().includes("first"));
  await until("the log has it", async () => (await engine.output("logs", "lasting")) === "first");
  await engine.crash();
  receiver[Symbol.dispose]();
  await engine.start();
  await engine.output("exec", "lasting", "touch", "/go");
  await until("the log has both", async () => (await engine.output("logs", "lasting")) === "first\nsecond");
  using again = await tcpReceiver(port);
  await until("the second line has come", () => again.text().includes("second"));
  expect(again.text()).not.toContain("first");
  await engine.output("rm", "-f", "lasting");
});

test("a receiver that is not there, and options that are none, are refused", async () => {
  const receiver = await tcpReceiver();
  receiver[Symbol.dispose]();
  expect(await refused(...options("syslog", `syslog-address=tcp://127.0.0.1:${receiver.port}`))).toContain(
    "failed to initialize logging driver: syslog",
  );
  expect(await refused(...options("gelf"))).toContain("gelf-address is missing");
  expect(await refused(...options("gelf", "gelf-address=tcp://h:1", "gelf-compression-type=gzip"))).toContain(
    "only supported for udp",
  );
  expect(await refused(...options("syslog", "syslog-facility=nope"))).toContain("invalid syslog facility");
  expect(await refused(...options("syslog", "syslog-format=nope"))).toContain("Invalid syslog format");
  expect(await refused(...options("fluentd", "foo=bar"))).toContain(
    "unknown log opt 'foo' for fluentd log driver",
  );
  expect(await refused(...options("journald", "mode=x"))).toContain("logging mode not supported: x");
});

test("logs of a driver without a cache are refused, as of none", async () => {
  using receiver = await udpReceiver();
  const flags = options("syslog", `syslog-address=udp://127.0.0.1:${receiver.port}`, "cache-disabled=true");
  await run("uncached", flags, "echo hello");
  await until("the packet has come", () => receiver.packets.length > 0);
  expect((await engine.cli("logs", "uncached")).stderr).toContain("does not support reading");
});
