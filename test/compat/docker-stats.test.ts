/** Statistics: the real docker client and our own show the same, and Docker's own engine answers with documents of the same form. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { dockerClients } from "../support/docker-clients.ts";
import { request, startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { outcomeOf } from "../support/outcome.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";
import { TerminalSession } from "../support/terminal.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  const busy = "while :; do :; done";
  await engine.output("run", "-d", "--name", "busy", "--memory", "64m", "base", "sh", "-c", busy);
  await engine.output("network", "create", "second");
  await engine.output("run", "-d", "--name", "idle", "base", "sleep", "1000");
  await engine.output("network", "connect", "second", "idle");
  await engine.output("run", "-d", "--name", "onhost", "--network", "host", "base", "sleep", "1000");
  await engine.output("create", "--name", "never", "base", "true");
});
afterAll(async () => {
  await engine.output("rm", "-f", "busy", "idle", "onhost", "never");
  await engine[Symbol.asyncDispose]();
});

const clients = [
  ["tiffin", tiffinCommand()] as const,
  ...dockerClients.map(({ version, path }) => [`docker ${version}`, [path]] as const),
];

describe.each(clients)("%s", (_client, program) => {
  const call = async (...args: readonly string[]) =>
    await outcomeOf(
      Bun.spawn([...program, ...args], {
        env: { ...process.env, DOCKER_HOST: engine.host, TIFFIN_HOST: engine.host },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      }),
    );

  test("one moment: what runs, or with -a all there are, in columns", async () => {
    const { code, stdout } = await call("stats", "--no-stream");
    expect(code).toBe(0);
    const [titles = "", ...rows] = stdout.trimEnd().split("\n");
    expect(titles.split(/ {2,}/)).toEqual([
      "CONTAINER ID",
      "NAME",
      "CPU %",
      "MEM USAGE / LIMIT",
      "MEM %",
      "NET I/O",
      "BLOCK I/O",
      "PIDS",
    ]);
    const cells = Object.fromEntries(rows.map((row) => [row.split(/ {2,}/)[1], row.split(/ {2,}/)]));
    expect(Object.keys(cells).sort()).toEqual(["busy", "idle", "onhost"]);
    expect(Number.parseFloat(cells["busy"]?.[2] ?? "")).toBeGreaterThan(5);
    expect(cells["busy"]?.[3]).toMatch(/^[\d.]+[KM]iB \/ 64MiB$/);
    expect(Number.parseFloat(cells["idle"]?.[2] ?? "")).toBeLessThan(5);
    expect(cells["idle"]?.[7]).toBe("1");
    const all = await call("stats", "--no-stream", "-a", "--format", "{{.Name}} {{.PIDs}}");
    expect(all.stdout.trimEnd().split("\n").sort()).toEqual(["busy 1", "idle 1", "never 0", "onhost 1"]);
  });

  test("traffic is that of every network that the container is in; nothing for one on the host's network", async () => {
    await engine.output(
      "exec",
      "idle",
      "sh",
      "-c",
      "ping -c 1 -W 1 $(ip route | awk '/default/ {print $3}') || true",
    );
    const { stdout } = await call(
      "stats",
      "--no-stream",
      "--format",
      "{{.Container}} {{.NetIO}}",
      "idle",
      "onhost",
    );
    expect(stdout).toMatch(/^idle [1-9][\d.]*k?B \/ [1-9][\d.]*k?B\nonhost 0B \/ 0B\n$/);
  });

  test("a name that does not exist", async () => {
    const { code, stderr } = await call("stats", "--no-stream", "nosuch");
    expect({ code, stderr: stderr.trim() }).toEqual({
      code: 1,
      stderr: "Error response from daemon: No such container: nosuch",
    });
  });

  test("on a terminal the table is drawn again in its place, and follows what starts and ends", async () => {
    const env = { DOCKER_HOST: engine.host, TIFFIN_HOST: engine.host };
    const session = new TerminalSession([...program, "stats"], { rows: 20, columns: 150, env });
    try {
      await session.see(/busy[^\n]*64MiB/);
      await engine.output("run", "-d", "--name", "later", "base", "sleep", "1000");
      await session.see(/later +\d/);
      await engine.output("rm", "-f", "later");
      const home = "\u001b[H";
      await until("a table without it", () => {
        const last = session.text.split(home).at(-2) ?? "";
        return last.includes("busy") && !last.includes("later");
      });
    } finally {
      session.type("\x03");
      await session.exited();
      await engine.cli("rm", "-f", "later");
    }
  });
});

/** Names of fields and kinds of values; what is listed under names of the kernel's own is not looked at. */
function form(value: unknown, key = ""): unknown {
  if (key === "stats" || key === "percpu_usage") return typeof value;
  if (Array.isArray(value)) return "list";
  if (typeof value !== "object" || value === null) return value === null ? null : typeof value;
  const entries = Object.entries(value).map(([name, inner]) => [name, form(inner, name)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function forms(socket: string) {
  const ask = async (name: string, query: string) => {
    const answer = await request(socket, "GET", `/v1.41/containers/${name}/stats?${query}`);
    return { status: answer.status, form: form(answer.json()) };
  };
  const create = async (name: string) => {
    const body = { Image: "base", Cmd: ["sleep", "1000"], HostConfig: { NetworkMode: "none" } };
    await request(socket, "POST", `/v1.41/containers/create?name=${name}`, body);
  };
  await create("form-running");
  await create("form-stopped");
  await request(socket, "POST", "/v1.41/containers/form-running/start");
  try {
    return {
      compared: await ask("form-running", "stream=false"),
      oneShot: await ask("form-running", "stream=false&one-shot=true"),
      stopped: await ask("form-stopped", "stream=false"),
    };
  } finally {
    await request(socket, "DELETE", "/v1.41/containers/form-running?force=1");
    await request(socket, "DELETE", "/v1.41/containers/form-stopped?force=1");
  }
}

if (hasDockerd) {
  test("the documents have the form of Docker's", async () => {
    await using docker = await OwnDockerd.start();
    expect(await forms(engine.socket)).toEqual(await forms(docker.socket));
  });
} else {
  test.skip("the documents have the form of Docker's (dockerd is not installed)", () => {});
}

test("a stream ends when its container is removed, and says zeros between its end and that", async () => {
  await engine.output("run", "-d", "--name", "short", "base", "sleep", "1000");
  const response = await fetch("http://localhost/containers/short/stats", { unix: engine.socket });
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  const read = async () => decoder.decode((await reader?.read())?.value);
  expect(JSON.parse(await read())).toMatchObject({ name: "/short", pids_stats: { current: 1 } });
  await engine.output("kill", "short");
  let line = await read();
  while (line.includes('"current"')) line = await read();
  expect(JSON.parse(line)).toMatchObject({ name: "/short", read: "0001-01-01T00:00:00Z", pids_stats: {} });
  await engine.output("rm", "short");
  let last = await reader?.read();
  while (last?.done === false) last = await reader?.read();
  expect(last?.done).toBe(true);
});
