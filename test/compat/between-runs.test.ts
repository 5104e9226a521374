/**
 * A container between two runs of its restart policy, and which signals call the policy off: one table of Docker's
 * answers, asked of our engine, and of Docker itself where it is installed.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type HttpResult, request, startEngine, type TestEngine } from "../support/engine-harness.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";
import { pause, until } from "../support/until.ts";

/** Docker calls a run off in the background: its answer comes first. Much less than the pause in which it is asked. */
const dockerLagMs = 1500;

interface State {
  readonly Status: string;
  readonly Running: boolean;
  readonly Restarting: boolean;
  readonly Pid: number;
  readonly ExitCode: number;
}

/** An engine's API, and what the table asks of it. */
class Asker {
  readonly #socket: string;
  /** How long after an answer the state may still be the old one. */
  readonly #lagMs: number;

  constructor(socket: string, lagMs: number) {
    this.#socket = socket;
    this.#lagMs = lagMs;
  }

  async ask(method: string, path: string, body?: unknown): Promise<HttpResult> {
    return await request(this.#socket, method, path, body);
  }

  async status(method: string, path: string, body?: unknown): Promise<number> {
    return (await this.ask(method, path, body)).status;
  }

  async inspect(name: string): Promise<{ readonly State: State; readonly RestartCount: number }> {
    return (await this.ask("GET", `/containers/${name}/json`)).json() as never;
  }

  /** `exited 7`, or that there is none; `restarting` if it is so for as long as the engine may lag behind its answers. */
  async state(name: string): Promise<string> {
    const deadlineMs = performance.now() + this.#lagMs;
    for (;;) {
      const state = await this.#look(name);
      if (!state.startsWith("restarting") || performance.now() >= deadlineMs) return state;
      await pause(50, "between two looks");
    }
  }

  async #look(name: string): Promise<string> {
    const { status, json } = await this.ask("GET", `/containers/${name}/json`);
    if (status === 404) return "gone";
    const { State } = json() as { readonly State: State };
    return `${State.Status} ${State.ExitCode}`;
  }

  /** A number, or what else came. */
  async wait(name: string, condition: string): Promise<unknown> {
    const { status, json } = await this.ask("POST", `/containers/${name}/wait?condition=${condition}`);
    return status === 200 ? (json() as { readonly StatusCode: number }).StatusCode : status;
  }

  async start(name: string, script: string, host: object, more: object = {}): Promise<void> {
    const created = await this.ask("POST", `/containers/create?name=${name}`, {
      Image: "base",
      Cmd: ["sh", "-c", script],
      HostConfig: { NetworkMode: "none", ...host },
      ...more,
    });
    expect(created).toMatchObject({ status: 201 });
    expect(await this.status("POST", `/containers/${name}/start`)).toBe(204);
  }

  /** What is told of a container from the beginning of `work` to the event `last`. */
  async events(name: string, last: string, work: () => Promise<void>): Promise<string[]> {
    const { Id } = (await this.ask("GET", `/containers/${name}/json`)).json() as { readonly Id: string };
    const since = (Date.now() / 1000).toFixed(3);
    await work();
    let actions: string[] = [];
    await until(`the event ${last}`, async () => {
      const filters = encodeURIComponent(JSON.stringify({ container: [Id] }));
      const until = (Date.now() / 1000).toFixed(3);
      const { text } = await this.ask("GET", `/events?since=${since}&until=${until}&filters=${filters}`);
      const lines = text.split("\n").filter((line) => line !== "");
      actions = lines.map((line) => (JSON.parse(line) as { readonly Action: string }).Action);
      return actions.includes(last);
    });
    return actions;
  }

  async remove(name: string): Promise<void> {
    await this.ask("DELETE", `/containers/${name}?force=1`);
  }

  /** One that ends with 7 again and again, in a pause of more than three seconds. */
  async between(name: string, more: object = {}): Promise<void> {
    await this.start(name, "exit 7", { RestartPolicy: { Name: "always" } }, more);
    await until(`a long pause of ${name}`, async () => {
      const { State, RestartCount } = await this.inspect(name);
      return State.Restarting && RestartCount >= 6;
    });
  }
}

interface Row {
  readonly what: string;
  readonly docker: unknown;
  /** Where ours answers otherwise, with why. */
  readonly ours?: readonly [answer: unknown, why: string];
  ask(engine: Asker, name: string): Promise<unknown>;
}

/** What a request answers, and what the container is afterwards. */
function row(what: string, docker: unknown, method: string, path: string, body?: unknown): Row {
  return {
    what,
    docker,
    ask: async (engine, name) => [
      await engine.status(method, `/containers/${name}${path}`, body),
      await engine.state(name),
    ],
  };
}

const conditions = ["", "not-running", "next-exit", "removed"] as const;

const rows: readonly Row[] = [
  {
    what: "inspect",
    docker: [true, true, 0, 7],
    async ask(engine, name) {
      const { Running, Restarting, Pid, ExitCode } = (await engine.inspect(name)).State;
      return [Running, Restarting, Pid, ExitCode];
    },
  },
  row("start", [304, "restarting 7"], "POST", "/start"),
  row("stop", [204, "exited 7"], "POST", "/stop"),
  {
    what: "stop, then stop, kill and start",
    docker: [204, 304, 409, 204],
    async ask(engine, name) {
      const answers: number[] = [];
      for (const action of ["stop", "stop", "kill", "start"])
        answers.push(await engine.status("POST", `/containers/${name}/${action}`));
      return answers;
    },
  },
  ...["KILL", "TERM", "HUP", "WINCH"].map((signal) =>
    row(`kill with ${signal}`, [204, "exited 7"], "POST", `/kill?signal=${signal}`),
  ),
  row("kill with 0", [400, "restarting 7"], "POST", "/kill?signal=0"),
  row("exec", [409, "restarting 7"], "POST", "/exec", { Cmd: ["true"] }),
  row("attach", [409, "restarting 7"], "POST", "/attach?stream=1&stdout=1"),
  row("removal", [409, "restarting 7"], "DELETE", ""),
  row("forced removal", [204, "gone"], "DELETE", "?force=1"),
  row("logs", [200, "restarting 7"], "GET", "/logs?stdout=1"),
  row("a look at a file", [200, "restarting 7"], "HEAD", "/archive?path=/bin"),
  row("resize", [404, "restarting 7"], "POST", "/resize?h=20&w=30"),
  row("pause", [409, "restarting 7"], "POST", "/pause"),
  row("top", [409, "restarting 7"], "GET", "/top"),
  row("update", [200, "restarting 7"], "POST", "/update", { RestartPolicy: { Name: "no" } }),
  {
    what: "restart",
    docker: [204, true],
    async ask(engine, name) {
      const before = (await engine.inspect(name)).RestartCount;
      const status = await engine.status("POST", `/containers/${name}/restart`);
      // The series of its policy begins again.
      return [status, (await engine.inspect(name)).RestartCount < before];
    },
  },
  {
    what: "events of a stop",
    docker: ["stop"],
    ask: async (engine, name) =>
      await engine.events(name, "stop", async () => {
        await engine.status("POST", `/containers/${name}/stop`);
      }),
  },
  {
    what: "events of a kill and a forced removal",
    docker: ["destroy"],
    ask: async (engine, name) =>
      await engine.events(name, "destroy", async () => {
        await engine.status("POST", `/containers/${name}/kill?signal=HUP`);
        await engine.remove(name);
      }),
  },
  {
    what: "waits that see the next run",
    docker: [7, 7, 7, "none"],
    async ask(engine, name) {
      const [plain, notRunning, nextExit, removed] = conditions.map(
        async (condition) => await engine.wait(name, condition),
      );
      const first = await Promise.all([plain, notRunning, nextExit]);
      return [...first, await Promise.race([removed, Promise.resolve("none")])];
    },
  },
  ...[
    ["POST", "/stop"],
    ["POST", "/kill?signal=HUP"],
  ].map(
    ([method = "", path = ""]): Row => ({
      what: `waits that see ${path}`,
      docker: [7, 7, 7],
      async ask(engine, name) {
        const waits = conditions.slice(0, 3).map(async (condition) => await engine.wait(name, condition));
        await until("the container in its pause", async () => (await engine.inspect(name)).State.Restarting);
        await engine.status(method, `/containers/${name}${path}`);
        return await Promise.all(waits);
      },
    }),
  ),
  {
    what: "waits that see a forced removal",
    docker: [7, 7, 7, 7],
    async ask(engine, name) {
      const waits = conditions.map(async (condition) => await engine.wait(name, condition));
      await until("the container in its pause", async () => (await engine.inspect(name)).State.Restarting);
      await engine.remove(name);
      return await Promise.all(waits);
    },
  },
];

interface SignalRow {
  readonly policy: "always" | "on-failure" | "unless-stopped";
  /** The container's own stop signal. */
  readonly own: "" | "USR1";
  readonly signal: "KILL" | "TERM" | "HUP" | "USR1";
}

const signalRows = (["always", "on-failure", "unless-stopped"] as const).flatMap((policy) =>
  (["", "USR1"] as const).flatMap((own) =>
    (["KILL", "TERM", "HUP", "USR1"] as const).map((signal): SignalRow => ({ policy, own, signal })),
  ),
);

/** Docker's rule: without a stop signal of its own every signal counts as a stop, with one only that and SIGKILL. */
function staysDown({ policy, own, signal }: SignalRow): boolean {
  return own === "" || signal === own || signal === "KILL" || policy === "unless-stopped";
}

async function afterSignal(engine: Asker, row: SignalRow, name: string): Promise<string> {
  const { policy, own, signal } = row;
  await engine.start(
    name,
    "trap 'exit 5' TERM HUP USR1; touch /ready; while :; do sleep 0.2; done",
    { RestartPolicy: { Name: policy } },
    own === "" ? {} : { StopSignal: `SIG${own}` },
  );
  await until(
    "the traps",
    async () => (await engine.status("HEAD", `/containers/${name}/archive?path=/ready`)) === 200,
  );
  expect(await engine.status("POST", `/containers/${name}/kill?signal=${signal}`)).toBe(204);
  let outcome = "";
  await until("the end", async () => {
    const { State, RestartCount } = await engine.inspect(name);
    outcome = RestartCount > 0 ? "runs again" : State.Status === "exited" ? "stays down" : "";
    return outcome !== "";
  });
  await engine.remove(name);
  return outcome;
}

function table(asker: () => Asker, kind: "ours" | "docker"): void {
  test("requests between two runs", async () => {
    const engine = asker();
    const answers = await Promise.all(
      rows.map(async ({ what, ask }, index) => {
        const name = `between-${index}`;
        await engine.between(name);
        const answer = await ask(engine, name);
        await engine.remove(name);
        return [what, answer];
      }),
    );
    const wanted = rows.map(({ what, docker, ours }) => [
      what,
      kind === "ours" && ours !== undefined ? ours[0] : docker,
    ]);
    expect(answers).toEqual(wanted);
  }, 180_000);

  test("signals to a running container", async () => {
    const outcomes = await Promise.all(
      signalRows.map(async (signalRow, index) => ({
        ...signalRow,
        outcome: await afterSignal(asker(), signalRow, `signalled-${index}`),
      })),
    );
    expect(outcomes).toEqual(
      signalRows.map((signalRow) => ({
        ...signalRow,
        outcome: staysDown(signalRow) ? "stays down" : "runs again",
      })),
    );
  }, 180_000);
}

describe("ours", () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });
  table(() => new Asker(engine.socket, 0), "ours");
});

if (hasDockerd) {
  describe("docker", () => {
    let docker: OwnDockerd;
    beforeAll(async () => {
      docker = await OwnDockerd.start();
    });
    afterAll(async () => {
      await docker[Symbol.asyncDispose]();
    });
    table(() => new Asker(docker.socket, dockerLagMs), "docker");
  });
} else {
  test.skip("docker: the same table (dockerd is not installed)", () => {});
}
