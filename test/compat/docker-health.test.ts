/**
 * Health: one table of Docker's answers, asked of our engine and of Docker itself where it is installed; then the words of the
 * real docker clients and of our own about the same container.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { dockerClients } from "../support/docker-clients.ts";
import { request, startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { outcomeOf } from "../support/outcome.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";
import { until } from "../support/until.ts";

const ms = 1_000_000;
const often = 100 * ms;

interface Health {
  readonly Status: string;
  readonly FailingStreak: number;
  readonly Log: readonly { readonly ExitCode: number; readonly Output: string }[];
}

class Asker {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  async ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await request(this.#socket, method, path, body);
    expect({ path, status: answer.status, ok: answer.status < 300, text: answer.text }).toMatchObject({
      ok: true,
    });
    return answer.text === "" ? undefined : answer.json();
  }

  async start(name: string, Healthcheck: object): Promise<void> {
    await this.ask("POST", `/containers/create?name=${name}`, {
      Image: "base",
      Cmd: ["sleep", "1000"],
      Healthcheck,
      HostConfig: { NetworkMode: "none" },
    });
    await this.ask("POST", `/containers/${name}/start`);
  }

  async health(name: string): Promise<Health | undefined> {
    const shown = (await this.ask("GET", `/containers/${name}/json`)) as { State: { Health?: Health } };
    return shown.State.Health;
  }

  async status(name: string): Promise<string> {
    const filters = encodeURIComponent(JSON.stringify({ name: [name] }));
    const [row] = (await this.ask("GET", `/containers/json?all=1&filters=${filters}`)) as {
      Status: string;
    }[];
    return (row?.Status ?? "").replace(/^Up [\w ]+?(?= \(|$)/, "Up");
  }

  async becomes(name: string, status: string): Promise<void> {
    await until(`${name} to be ${status}`, async () => (await this.health(name))?.Status === status);
  }

  async found(name: string, word: string): Promise<boolean> {
    const filters = encodeURIComponent(JSON.stringify({ name: [name], health: [word] }));
    return ((await this.ask("GET", `/containers/json?filters=${filters}`)) as unknown[]).length === 1;
  }

  /** What was told of it so far. */
  async events(name: string): Promise<string[]> {
    const filters = encodeURIComponent(JSON.stringify({ container: [name] }));
    const now = (Date.now() / 1000).toFixed(3);
    const { text } = await request(this.#socket, "GET", `/events?since=1&until=${now}&filters=${filters}`);
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.map((line) => (JSON.parse(line) as { readonly Action: string }).Action);
  }
}

interface Row {
  readonly what: string;
  readonly check: object;
  readonly answer: unknown;
  ask(engine: Asker, name: string): Promise<unknown>;
}

/** What the first check of one that fails at once is. */
function first(what: string, check: object, exitCode: number, output: string): Row {
  return {
    what,
    check: { Interval: often, Retries: 1, ...check },
    answer: ["unhealthy", { ExitCode: exitCode, Output: output }],
    async ask(engine, name) {
      await engine.becomes(name, "unhealthy");
      const [{ ExitCode, Output } = { ExitCode: NaN, Output: "" }] = (await engine.health(name))?.Log ?? [];
      return ["unhealthy", { ExitCode, Output }];
    },
  };
}

const rows: readonly Row[] = [
  {
    what: "before the first check",
    check: { Test: ["CMD", "true"] },
    answer: [{ Status: "starting", FailingStreak: 0, Log: [] }, "Up (health: starting)", true, false],
    ask: async (engine, name) => [
      await engine.health(name),
      await engine.status(name),
      await engine.found(name, "starting"),
      await engine.found(name, "none"),
    ],
  },
  {
    what: "nothing to be done",
    check: { Test: ["NONE"] },
    answer: [undefined, "Up", true],
    ask: async (engine, name) => [
      await engine.health(name),
      await engine.status(name),
      await engine.found(name, "none"),
    ],
  },
  {
    what: "a check that is good, and what is told of it",
    check: { Test: ["CMD-SHELL", "echo fine"], Interval: 1000 * ms },
    answer: [
      "Up (healthy)",
      { ExitCode: 0, Output: "fine\n" },
      [
        "create",
        "start",
        "exec_create: /bin/sh -c echo fine",
        "exec_start: /bin/sh -c echo fine",
        "exec_die",
        "health_status: healthy",
      ],
    ],
    async ask(engine, name) {
      await engine.becomes(name, "healthy");
      const [{ ExitCode, Output } = { ExitCode: NaN, Output: "" }] = (await engine.health(name))?.Log ?? [];
      await until("the event", async () => (await engine.events(name)).includes("health_status: healthy"));
      return [await engine.status(name), { ExitCode, Output }, (await engine.events(name)).slice(0, 6)];
    },
  },
  {
    what: "a pause, and what comes after it",
    check: { Test: ["CMD", "true"], Interval: often },
    answer: ["unhealthy", "Up (Paused)", true, "Up (healthy)"],
    async ask(engine, name) {
      await engine.becomes(name, "healthy");
      await engine.ask("POST", `/containers/${name}/pause`);
      const paused = [(await engine.health(name))?.Status, await engine.status(name)];
      const found = await engine.found(name, "unhealthy");
      await engine.ask("POST", `/containers/${name}/unpause`);
      await engine.becomes(name, "healthy");
      return [...paused, found, await engine.status(name)];
    },
  },
  {
    what: "an end, and another start",
    check: { Test: ["CMD", "true"], Interval: 500 * ms },
    answer: ["unhealthy", "starting", true],
    async ask(engine, name) {
      await engine.becomes(name, "healthy");
      await engine.ask("POST", `/containers/${name}/kill`);
      await until("its end", async () => (await engine.status(name)).startsWith("Exited"));
      const ended = (await engine.health(name))?.Status;
      await engine.ask("POST", `/containers/${name}/start`);
      const health = await engine.health(name);
      return [ended, health?.Status, (health?.Log.length ?? 0) > 0];
    },
  },
  first("a failure", { Test: ["CMD-SHELL", "echo no >&2; exit 3"] }, 3, "no\n"),
  first(
    "a program that is not there",
    { Test: ["CMD", "nosuchcheck"] },
    -1,
    'OCI runtime exec failed: exec failed: unable to start container process: exec: "nosuchcheck": executable file not found in $PATH: unknown',
  ),
  first(
    "a check that takes too long",
    { Test: ["CMD-SHELL", "sleep 100"], Timeout: 500 * ms },
    -1,
    "Health check exceeded timeout (500ms)",
  ),
  first(
    "more output than is kept",
    { Test: ["CMD-SHELL", "yes | head -c 10000; exit 1"] },
    1,
    `${"y\n".repeat(2048)}...`,
  ),
  first("further words of a shell", { Test: ["CMD-SHELL", "echo $0; exit 1", "zero"] }, 1, "zero\n"),
];

function answers(engine: () => Asker): void {
  test.each(rows.map((row) => [row.what, row] as const))("%s", async (_what, row) => {
    const name = `health-${rows.indexOf(row)}`;
    await engine().start(name, row.check);
    try {
      expect(await row.ask(engine(), name)).toEqual(row.answer);
    } finally {
      await engine().ask("DELETE", `/containers/${name}?force=1`);
    }
  });
}

let ours: TestEngine;
beforeAll(async () => {
  ours = await startEngine();
});
afterAll(async () => {
  await ours[Symbol.asyncDispose]();
});

describe("our engine", () => answers(() => new Asker(ours.socket)));

describe.skipIf(!hasDockerd)("Docker (without one it is not installed)", () => {
  let docker: OwnDockerd;
  beforeAll(async () => {
    docker = await OwnDockerd.start();
  });
  afterAll(async () => {
    await docker[Symbol.asyncDispose]();
  });
  answers(() => new Asker(docker.socket));
});

const clients = [
  ["tiffin", tiffinCommand()] as const,
  ...dockerClients.map(({ version, path }) => [`docker ${version}`, [path]] as const),
];

test.each(clients)("%s says by its flags how health is asked for, and shows it", async (client, program) => {
  const output = async (...args: readonly string[]): Promise<string> => {
    const env = { ...process.env, DOCKER_HOST: ours.host, TIFFIN_HOST: ours.host };
    const { code, stdout, stderr } = await outcomeOf(
      Bun.spawn([...program, ...args], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" }),
    );
    expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
    return stdout.trim();
  };
  const name = `said-${client.replaceAll(/[^0-9a-z]+/g, "-")}`;
  const flags =
    "--health-interval 100ms --health-timeout 9s --health-retries 2 --health-start-period 1ms".split(" ");
  await output(
    "run",
    "-d",
    "--name",
    name,
    "--health-cmd",
    "test ! -e /ill",
    ...flags,
    "base",
    "sleep",
    "1000",
  );
  const status = async () => await output("inspect", "--format", "{{.State.Health.Status}}", name);
  await until("it to be well", async () => (await status()) === "healthy");
  expect(await output("ps", "--format", "{{.Status}}", "--filter", "health=healthy")).toEndWith(" (healthy)");
  const shown: unknown = JSON.parse(
    await output("inspect", "--format", "{{json .Config.Healthcheck}}", name),
  );
  expect(shown).toEqual({
    Test: ["CMD-SHELL", "test ! -e /ill"],
    Interval: often,
    Timeout: 9000 * ms,
    StartPeriod: ms,
    Retries: 2,
  });
  await output("exec", name, "touch", "/ill");
  await until("it to be ill", async () => (await status()) === "unhealthy");
  expect(await output("ps", "--format", "{{.Status}}", "--filter", `name=${name}`)).toEndWith(" (unhealthy)");
  const now = String(Math.ceil(Date.now() / 1000));
  const about = ["--filter", `container=${name}`, "--filter", "event=health_status"];
  const told = await output("events", "--since", "1", "--until", now, ...about, "--format", "{{.Action}}");
  expect(told.split("\n")).toEqual(["health_status: healthy", "health_status: unhealthy"]);
  await output("rm", "-f", name);
  await output("run", "-d", "--name", name, "--no-healthcheck", "base", "sleep", "1000");
  expect(await output("inspect", "--format", "{{json .State.Health}}", name)).toBe("null");
  await output("rm", "-f", name);
});
