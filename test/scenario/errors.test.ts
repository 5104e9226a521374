/** Bad input: one clear error, Docker's exit code or status, nothing left behind. */

import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await engine.cli("run", "--rm", "base", "true");
  // From its first request to a registry on, the engine's HTTP client has an event loop of its own.
  await engine.cli("run", "nonsense", "true");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const cases: readonly {
  readonly name: string;
  readonly args: readonly string[];
  readonly code: number;
  readonly says: string;
}[] = [
  {
    name: "unknown image",
    args: ["run", "nonsense", "true"],
    code: 125,
    says: "Unable to find image 'nonsense:latest' locally",
  },
  {
    name: "invalid image name",
    args: ["run", "Not/Valid:", "true"],
    code: 125,
    says: "invalid reference format",
  },
  {
    name: "missing program",
    args: ["run", "--rm", "base", "no-such-program"],
    code: 127,
    says: 'exec: "no-such-program": executable file not found in $PATH',
  },
  {
    name: "missing program by path",
    args: ["run", "--rm", "base", "/no/such"],
    code: 127,
    says: "no such file or directory",
  },
  {
    name: "not executable",
    args: ["run", "--rm", "base", "/etc/passwd"],
    code: 126,
    says: "permission denied",
  },
  { name: "a directory", args: ["run", "--rm", "base", "/etc"], code: 126, says: "" },
  {
    name: "missing bind source",
    args: ["run", "--rm", "--mount", "type=bind,src=/no/such/place,dst=/x", "base", "true"],
    code: 125,
    says: "bind source path does not exist: /no/such/place",
  },
  {
    name: "relative bind target",
    args: ["run", "--rm", "-v", "/tmp:relative", "base", "true"],
    code: 125,
    says: "invalid mount path: 'relative' mount path must be absolute",
  },
  {
    name: "relative working directory",
    args: ["run", "--rm", "-w", "relative", "base", "true"],
    code: 125,
    says: "needs to be an absolute path",
  },
  {
    name: "working directory that is a descriptor",
    args: ["run", "--rm", "-w", "/proc/self/fd/7", "base", "true"],
    code: 125,
    says: "",
  },
  {
    name: "unknown user",
    args: ["run", "--rm", "-u", "nobody-here", "base", "true"],
    code: 125,
    says: "unable to find user nobody-here: no matching entries in passwd file",
  },
  {
    name: "user out of range",
    args: ["run", "--rm", "-u", "4294967296", "base", "true"],
    code: 125,
    says: "",
  },
  {
    name: "unknown capability",
    args: ["run", "--rm", "--cap-add", "FLYING", "base", "true"],
    code: 125,
    says: "FLYING",
  },
  {
    name: "unknown network",
    args: ["run", "--rm", "--network", "nowhere", "base", "true"],
    code: 125,
    says: "network nowhere not found",
  },
  { name: "unknown flag", args: ["run", "--fly", "base"], code: 125, says: "unknown flag: --fly" },
  { name: "no image", args: ["run"], code: 1, says: "requires at least 1 argument" },
  { name: "unknown command", args: ["fly"], code: 1, says: "fly" },
  { name: "bad port", args: ["run", "--rm", "-p", "99999:80", "base", "true"], code: 125, says: "" },
  {
    name: "bad name",
    args: ["run", "--rm", "--name", "no spaces", "base", "true"],
    code: 125,
    says: "Invalid container name (no spaces), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
  },
  {
    name: "bad environment file",
    args: ["run", "--rm", "--env-file", "/no/such", "base", "true"],
    code: 125,
    says: "no such file",
  },
  {
    name: "bad time offset",
    args: ["run", "--annotation", "tiffin.time-offset=tomorrow", "base", "true"],
    code: 125,
    says: "wanted monotonic=SECONDS",
  },
  { name: "inspect of nothing", args: ["inspect", "nothing"], code: 1, says: "nothing" },
  {
    name: "exec into nothing",
    args: ["exec", "nothing", "true"],
    code: 1,
    says: "No such container: nothing",
  },
  { name: "start of nothing", args: ["start", "nothing"], code: 1, says: "No such container: nothing" },
  { name: "logs of nothing", args: ["logs", "nothing"], code: 1, says: "No such container: nothing" },
];

for (const { name, args, code, says } of cases) {
  test(`${name}: exit ${code}, one error, nothing left`, async () => {
    const before = engine.snapshot();
    const result = await engine.cli(...args);
    expect({ args, code: result.exitCode, stdout: result.stdout.replace("[]\n", "") }).toEqual({
      args,
      code,
      stdout: "",
    });
    expect(result.stderr).toContain(says);
    expect(result.stderr.trim()).not.toBe("");
    await engine.cli(
      "rm",
      "-f",
      ...(await engine.cli("ps", "-aq")).stdout.split("\n").filter(Boolean),
      "none-such",
    );
    expect(await engine.leftovers(before)).toEqual([]);
  });
}

test("a filter that lets nothing through, not even the way out, is named at once, with what it must allow", async () => {
  using scratch = temporaryDirectory("closed-filter");
  const profile = `${scratch.path}/profile.json`;
  writeFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ERRNO", syscalls: [] }));
  const option = ["--security-opt", `seccomp=${profile}`];
  const { exitCode, stderr } = await engine.cli("--debug", "run", "--rm", ...option, "base", "true");
  expect(exitCode).toBe(125);
  expect(stderr).toMatch(/cannot perform operation \d+, dropBounding .*because of process\.capabilities/);
  expect(stderr).toContain("the seccomp profile is in force from its operation on");
  expect(stderr).toMatch(/^> +\d+ {2}child {4}dropBounding .*: ENOSYS$/m);
  expect((await engine.cli("ps", "-aq")).stdout).toBe("");
});

test("name taken: 125 and Docker's sentence with the holder's id", async () => {
  const id = (await engine.cli("create", "--name", "taken", "base", "true")).stdout.trim();
  const result = await engine.cli("run", "--name", "taken", "base", "true");
  expect(result.exitCode).toBe(125);
  expect(result.stderr).toContain(
    `Conflict. The container name "/taken" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
  await engine.cli("rm", "taken");
});

test("HTTP: wrong bodies are 400, unknown things 404, a wrong method 404 or 405, never 500", async () => {
  for (const body of [
    [],
    "text",
    { Image: 7 },
    { Image: "base", HostConfig: { Memory: "lots" } },
    { Image: "base", Env: [1] },
  ]) {
    expect({ body, status: (await engine.http("POST", "/containers/create", body)).status }).toEqual({
      body,
      status: 400,
    });
  }
  expect((await engine.http("GET", "/containers/nothing/json")).status).toBe(404);
  expect((await engine.http("GET", "/no/such/route")).status).toBe(404);
  expect((await engine.http("POST", "/containers/create?name=%00", { Image: "base" })).status).toBe(400);
});

const hostileBodies: readonly {
  readonly name: string;
  readonly body: string | Uint8Array | (() => AsyncGenerator<Uint8Array>);
  readonly status: number;
  readonly says: string;
}[] = [
  { name: "a list where one thing is wanted", body: '{"Image":[]}', status: 400, says: "invalid Image" },
  { name: "nothing", body: "", status: 400, says: "config cannot be empty" },
  { name: "two documents", body: '{"Image":"base"} {"Image":"base"}', status: 400, says: "not JSON" },
  { name: "a document that is cut short", body: '{"Image":"base"', status: 400, says: "not JSON" },
  { name: "depth without end", body: "[".repeat(100_000), status: 400, says: "not JSON" },
  {
    name: "bytes that are no UTF-8",
    body: new Uint8Array([...new TextEncoder().encode('{"Image":"ba'), 0xff, 0xfe, 0x22, 0x7d]),
    status: 400,
    says: "not UTF-8",
  },
  {
    name: "a key that comes twice, of which the last counts",
    body: '{"Image":"base","Image":"nothing-there"}',
    status: 404,
    says: "No such image: nothing-there",
  },
  {
    name: "too many bytes",
    body: " ".repeat(9 * 1024 * 1024),
    status: 413,
    says: "request body longer than 8388608 bytes",
  },
  {
    name: "chunks without end",
    body: async function* () {
      const chunk = new Uint8Array(65_536).fill(0x20);
      for (let sent = 0; sent < 1000; sent += 1) yield chunk;
    },
    status: 413,
    says: "request body longer than 8388608 bytes",
  },
];

test("hostile bodies are refused in words, by what they are, and nothing comes of them", async () => {
  const before = engine.snapshot();
  for (const { name, body, status, says } of hostileBodies) {
    // An engine that refuses need not take the rest, so a client may find the connection closed.
    const answer = await fetch("http://localhost/containers/create", {
      method: "POST",
      unix: engine.socket,
      headers: { "Content-Type": "application/json" },
      body: typeof body === "function" ? streamOf(body()) : new Blob([body]),
    });
    const text = await answer.text();
    expect({ name, status: answer.status, text }).toEqual({
      name,
      status,
      text: expect.stringContaining(says),
    });
  }
  expect(await engine.leftovers(before)).toEqual([]);
  expect(await engine.output("ps", "-aq")).toBe("");
});

test("a request whose client goes in the middle of head or body makes nothing", async () => {
  const before = engine.snapshot();
  const body = JSON.stringify({ Image: "base", Cmd: ["true"] });
  const head = `POST /containers/create?name=halfway HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
  const whole = [
    `${head}Content-Length: ${body.length}\r\n\r\n${body}`,
    `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  ];
  for (const request of whole) {
    for (let cut = 1; cut < request.length - 1; cut += 7) {
      const connection = await Bun.connect({ unix: engine.socket, socket: { data() {} } });
      connection.write(request.slice(0, cut));
      connection.end();
    }
  }
  expect(await engine.leftovers(before)).toEqual([]);
  expect(await engine.output("ps", "-aq")).toBe("");
});

test("what no container here can have is refused, and says so", async () => {
  const EndpointsConfig = { bridge: { IPAMConfig: { LinkLocalIPs: ["169.254.1.1"] } } };
  const linkLocal = await engine.http("POST", "/containers/create", {
    Image: "base",
    NetworkingConfig: { EndpointsConfig },
  });
  expect({ status: linkLocal.status, text: linkLocal.text }).toEqual({
    status: 501,
    text: expect.stringContaining("link-local-ip is not supported"),
  });
  await engine.output("create", "--name", "checked", "base", "true");
  const started = await engine.http("POST", "/containers/checked/start?checkpoint=one");
  expect({ status: started.status, text: started.text }).toEqual({
    status: 400,
    text: expect.stringContaining("cannot start container checked from checkpoint one"),
  });
  expect(await engine.output("inspect", "--format", "{{.State.Status}}", "checked")).toBe("created");
  await engine.output("rm", "checked");
});

/** Pulled as it is asked for, so that what is never sent is never made. */
function streamOf(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value } = await chunks.next();
      if (value === undefined) controller.close();
      else controller.enqueue(value);
    },
  });
}

test("state written by a newer version is refused with one error and left as it is", async () => {
  await using newer = await startEngine();
  await newer.stop();
  const database = new Database(`${newer.root}/tiffin.db`);
  database.run("PRAGMA user_version = 9999");
  database.close();
  await expect(newer.start()).rejects.toThrow(/was written by a newer Tiffin: its state has version 9999/);
  const after = new Database(`${newer.root}/tiffin.db`, { readonly: true });
  expect(after.query("PRAGMA user_version").get()).toEqual({ user_version: 9999 });
  after.close();
});

test("a second engine on the same root is refused", async () => {
  const second = Bun.spawn(
    [
      process.execPath,
      "src/main/tiffin.ts",
      "daemon",
      "--root",
      engine.root,
      "--run",
      engine.run,
      "--host",
      `unix://${engine.directory}/second.sock`,
    ],
    { stderr: "pipe", stdout: "ignore" },
  );
  expect(await second.exited).not.toBe(0);
  expect(await new Response(second.stderr).text()).toContain(engine.root);
});
