/** Requests that meet the end of the process they are about, and what is told of ends. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { collect, EngineFixture } from "../../test/support/engine-in-process.ts";
import { until } from "../../test/support/until.ts";
import { TiffinError } from "../lib/errors.ts";

const fixture = new EngineFixture();
beforeAll(async () => {
  await fixture.open();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

/** `done`, or the kind and code of the refusal. */
async function outcomeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return "done";
  } catch (thrown) {
    return thrown instanceof TiffinError ? `${thrown.kind} ${thrown.code}` : String(thrown);
  }
}

test("whatever is asked of an exec that is just ending is done, or told that it has ended", async () => {
  const { containers, execs } = fixture.engine;
  await fixture.start(["sleep", "1000"], {}, "home");
  const outcomes = new Set<string>();
  for (let round = 0; round < 60; round += 1) {
    const session = await execs.run("home", { Cmd: ["true"], Tty: true, AttachStdout: true });
    let over = false;
    const ended = session.exited.then(() => {
      over = true;
    });
    for (let tries = 0; tries < 200 && !over; tries += 1) {
      outcomes.add(await outcomeOf(async () => await session.resize({ height: 20 + tries, width: 80 })));
      outcomes.add(
        await outcomeOf(async () => await execs.resize(session.id, { height: 20, width: 80 + tries })),
      );
      outcomes.add(await outcomeOf(async () => await session.signal("WINCH")));
      await new Promise(setImmediate);
    }
    await ended;
    outcomes.add(await outcomeOf(async () => await session.resize({ height: 20, width: 80 })));
  }
  for (const outcome of outcomes) expect(["done", "conflict exec.ended"]).toContain(outcome);
  await containers.remove("home", { force: true, volumes: true });
}, 60_000);

test("an exec that has ended unheard of, behind a supervisor that is stopped, has ended for a resize", async () => {
  const { containers, execs } = fixture.engine;
  await fixture.start(["sleep", "1000"], {}, "home");
  const { Id } = await execs.create("home", { Cmd: ["sleep", "1000"], Tty: true });
  await execs.startDetached(Id, {});
  const { Pid } = await execs.inspect(Id);
  const supervisor = Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${Pid}/status`, "utf8"))?.[1]);
  process.kill(supervisor, "SIGSTOP");
  try {
    process.kill(Pid, "SIGKILL");
    expect(await outcomeOf(() => execs.resize(Id, { height: 20, width: 80 }))).toBe("conflict exec.ended");
  } finally {
    process.kill(supervisor, "SIGCONT");
  }
  await containers.remove("home", { force: true, volumes: true });
});

test("whatever is asked of a container that is just ending is done, or told that it does not run", async () => {
  const { containers, execs } = fixture.engine;
  const outcomes = new Set<string>();
  const actions: ((name: string) => Promise<unknown>)[] = [
    (name) => containers.resize(name, { height: 20, width: 80 }),
    (name) => containers.kill(name, "WINCH"),
    (name) => containers.kill(name, "KILL"),
    (name) => containers.stop(name, { timeoutSeconds: 0 }),
    (name) => containers.statPath(name, "/etc/passwd"),
    async (name) => {
      const { bytes } = await containers.getArchive(name, "/etc/passwd");
      await containers.putArchive(name, { path: "/tmp", keepTypes: false, ownedByUser: false }, bytes);
    },
    (name) => containers.top(name, ""),
    (name) => containers.top(name, "-eo pid,args"),
    async (name) => {
      await containers.pause(name);
      await containers.unpause(name);
    },
    (name) => containers.inspect(name, { size: true }),
    (name) =>
      containers.explain(name, {
        format: "text",
        language: "en",
        details: false,
        showSecrets: false,
        against: undefined,
      }),
    async (name) => {
      const { stream } = await containers.attach(name, {
        stdin: false,
        stdout: true,
        stderr: true,
        logs: false,
        stream: true,
      });
      stream.destroy();
    },
    async (name) => {
      const { Id } = await execs.create(name, { Cmd: ["true"] });
      await execs.startDetached(Id, {});
    },
    // Whoever joins meets the end of another.
    ...["NetworkMode", "PidMode", "IpcMode"].map((key) => async (name: string) => {
      const joins = { HostConfig: { [key]: `container:${name}` } };
      await fixture.run(["true"], joins, { remove: true });
    }),
  ];
  for (let round = 0; round < 8; round += 1) {
    for (const [index, action] of actions.entries()) {
      const name = `short-${round}-${index}`;
      const lengths = ["0.01", "0.02", "0.03", "0.05"];
      const host = { HostConfig: { IpcMode: "shareable" } };
      await fixture.start(["sleep", lengths[round % 4] ?? ""], { Tty: true, ...host }, name);
      for (;;) {
        const outcome = await outcomeOf(async () => await action(name));
        outcomes.add(outcome);
        const { State } = await containers.inspect(name, { size: false });
        if (!State.Running) break;
        await new Promise(setImmediate);
      }
      await containers.remove(name, { force: true, volumes: true });
    }
  }
  for (const outcome of outcomes) {
    expect([
      "done",
      "conflict container.not-running",
      "conflict container.not-paused",
      "conflict container.shared-not-running",
      "notModified container.stopped",
    ]).toContain(outcome);
  }
}, 120_000);

test("each end is told as Docker tells it", async () => {
  const { containers, events } = fixture.engine;
  const told: string[] = [];
  using _listener = events.subscribe(({ type, action, attributes }) => {
    if (type !== "container") return;
    const { signal } = attributes;
    told.push(signal === undefined ? action : `${action} ${signal}`);
  });
  const toldAfter = async (work: () => Promise<unknown>): Promise<string> => {
    told.length = 0;
    await work();
    return told.join(", ");
  };
  const between = async (name: string): Promise<void> => {
    await fixture.start(["false"], { HostConfig: { RestartPolicy: { Name: "always" } } }, name);
    await until("a long pause", async () => {
      const { State, RestartCount } = await containers.inspect(name, { size: false });
      return State.Restarting && (RestartCount ?? 0) >= 5;
    });
  };
  const remove = { force: true, volumes: true };
  await Promise.all(["first", "second", "third"].map(between));
  expect(await toldAfter(() => containers.stop("first", {}))).toBe("stop");
  expect(await toldAfter(() => containers.kill("second", "HUP"))).toBe("");
  expect(await toldAfter(() => containers.remove("third", remove))).toBe("destroy");

  const deaf = ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"];
  for (const name of ["fourth", "fifth", "sixth"]) await fixture.start(deaf, {}, name);
  expect(await toldAfter(() => containers.stop("fourth", { timeoutSeconds: 0 }))).toBe(
    "kill 15, kill 9, die, stop",
  );
  expect(await toldAfter(() => containers.kill("fifth", undefined))).toBe("kill 9, die");
  expect(await toldAfter(() => containers.remove("sixth", remove))).toBe("kill 9, die, destroy");
  for (const name of ["first", "second", "fourth", "fifth"]) await containers.remove(name, remove);
}, 60_000);

test("a size that is given in the middle of a start is the program's", async () => {
  const { containers, execs } = fixture.engine;
  const program = ["sh", "-c", "while ! test -e /go; do sleep 0.02; done; stty size"];
  const sizes = async (
    starting: Promise<unknown>,
    resize: (size: { height: number; width: number }) => Promise<void>,
  ): Promise<string> => {
    let over = false;
    const started = starting.finally(() => {
      over = true;
    });
    let height = 10;
    let last = 0;
    for (; !over; height = 10 + ((height + 1) % 1000)) {
      last = height;
      await resize({ height, width: 99 });
      await new Promise(setImmediate);
    }
    await started;
    return `${last} 99`;
  };
  const letGo = async (name: string): Promise<void> => {
    const { Id } = await execs.create(name, { Cmd: ["touch", "/go"] });
    await execs.startDetached(Id, {});
  };
  const { Id } = await containers.create({
    name: "sized",
    body: { Image: "base", Cmd: program, Tty: true, HostConfig: { NetworkMode: "none" } },
  });
  const attached = await containers.attach(Id, {
    stdin: false,
    stdout: true,
    stderr: false,
    logs: false,
    stream: true,
  });
  const output = collect(attached.stream, true);
  const last = await sizes(containers.start(Id), (size) => containers.resize(Id, size));
  await letGo("sized");
  expect((await output).stdout.trim()).toBe(last);

  await fixture.start(["sleep", "1000"], {}, "home");
  const { Id: exec } = await execs.create("home", { Cmd: program, Tty: true, AttachStdout: true });
  const starting = execs.start(exec, {});
  const lastOfExec = await sizes(starting, (size) => execs.resize(exec, size));
  await letGo("home");
  expect((await collect((await starting).stream, true)).stdout.trim()).toBe(lastOfExec);
  for (const name of ["sized", "home"]) await containers.remove(name, { force: true, volumes: true });
});

async function stateOf(name: string): Promise<string> {
  const { State } = await fixture.engine.containers.inspect(name, { size: false });
  return `${State.Status} ${State.ExitCode}`;
}

test("a stop or kill in the middle of a pause ends the container, or finds it paused", async () => {
  const { containers } = fixture.engine;
  const program = ["sh", "-c", "trap 'exit 5' TERM; touch /ready; while :; do sleep 0.02; done"];
  for (let round = 0; round < 20; round += 1) {
    const name = `both-${round}`;
    await fixture.start(program, {}, name);
    await until(
      "the trap",
      async () => (await outcomeOf(() => containers.statPath(name, "/ready"))) === "done",
    );
    const pausing = outcomeOf(() => containers.pause(name));
    for (let turn = 0; turn < round / 2; turn += 1) await Promise.resolve();
    if (round % 2 === 0) await containers.stop(name, { timeoutSeconds: 20 });
    else await containers.kill(name, "TERM");
    expect(["done", "conflict container.not-running"]).toContain(await pausing);
    const { State } = await containers.inspect(name, { size: false });
    if (State.Paused) await containers.unpause(name);
    await until("the end", async () => (await stateOf(name)) === "exited 5");
    await containers.remove(name, { force: true, volumes: true });
  }
}, 60_000);
