/** Checks of health in real containers: what they change, what ends them, and that nothing of them stays. */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { EngineFixture } from "../../test/support/engine-in-process.ts";
import { descriptorsOf } from "../../test/support/host-snapshot.ts";
import { pause, settled, until } from "../../test/support/until.ts";
import type { Healthcheck } from "../docker/types/container-config.ts";
import { errorOf } from "./testing/error-of.ts";

const fixture = new EngineFixture();
beforeAll(async () => {
  await fixture.open();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});
afterEach(async () => {
  const { containers } = fixture.engine;
  for (const { Id } of await containers.list({ all: true, size: false, filters: {} }))
    await containers.remove(Id, { force: true, volumes: true });
  expect(fixture.reported).toEqual([]);
});

const ms = 1_000_000;
const often = 50 * ms;
const program = ["sleep", "1000"];

async function checked(Healthcheck: Healthcheck, cmd: readonly string[] = program): Promise<string> {
  return await fixture.start(cmd, { Healthcheck });
}

async function stateOf(id: string) {
  return (await fixture.engine.containers.inspect(id, { size: false })).State;
}

async function becomes(id: string, status: string): Promise<void> {
  await until(`${id} to be ${status}`, async () => (await stateOf(id)).Health?.Status === status);
}

async function inside(id: string, script: string): Promise<void> {
  const session = await fixture.engine.execs.run(id, { Cmd: ["sh", "-c", script] });
  expect((await session.exited).StatusCode).toBe(0);
}

async function statusText(id: string): Promise<string> {
  const [summary] = await fixture.engine.containers.list({ all: true, size: false, filters: { id: [id] } });
  return (summary?.Status ?? "").replace(/^Up [\w ]+?(?= \(|$)/, "Up");
}

async function withHealth(word: string): Promise<number> {
  return (await fixture.engine.containers.list({ all: true, size: false, filters: { health: [word] } }))
    .length;
}

/** Processes of the container, as the host sees them. */
async function processesOf(id: string): Promise<string[]> {
  const { Processes } = await fixture.engine.containers.top(id, "-eo pid,args");
  return Processes.map(([, words = ""]) => words);
}

test("a container is starting, then healthy, then unhealthy, as its checks say, and list and inspect show it", async () => {
  const id = await checked(
    {
      Test: ["CMD-SHELL", "echo looked; test -e /well"],
      Interval: often,
      Retries: 2,
      StartPeriod: 60_000 * ms,
      StartInterval: often,
    },
    ["sh", "-c", "sleep 1000"],
  );
  expect((await stateOf(id)).Health).toEqual({ Status: "starting", FailingStreak: 0, Log: [] });
  expect(await statusText(id)).toBe("Up (health: starting)");
  expect(await withHealth("starting")).toBe(1);
  await until("a failure that does not count", async () => ((await stateOf(id)).Health?.Log.length ?? 0) > 2);
  expect((await stateOf(id)).Health).toMatchObject({ Status: "starting", FailingStreak: 0 });
  await inside(id, "touch /well");
  await becomes(id, "healthy");
  expect(await statusText(id)).toBe("Up (healthy)");
  expect([await withHealth("healthy"), await withHealth("none")]).toEqual([1, 0]);
  await inside(id, "rm /well");
  await becomes(id, "unhealthy");
  expect(await statusText(id)).toBe("Up (unhealthy)");
  const health = (await stateOf(id)).Health;
  expect(health?.FailingStreak).toBeGreaterThanOrEqual(2);
  const last = health?.Log.at(-1);
  expect(last).toMatchObject({ ExitCode: 1, Output: "looked\n" });
  expect(Date.parse(last?.End ?? "")).toBeGreaterThanOrEqual(Date.parse(last?.Start ?? ""));
  await until("five of them", async () => (await stateOf(id)).Health?.Log.length === 5);
});

test("what is told of a check is what is told of any exec, and a change of health", async () => {
  const heard: string[] = [];
  using _listening = fixture.engine.events.subscribe(({ type, action }) => {
    if (type === "container") heard.push(action);
  });
  const id = await checked({ Test: ["CMD", "true"], Interval: 200 * ms });
  await becomes(id, "healthy");
  await until("the next check", () => heard.filter((each) => each === "exec_die").length >= 2);
  expect(heard.slice(0, 9)).toEqual([
    "create",
    "start",
    "exec_create: true ",
    "exec_start: true ",
    "exec_die",
    "health_status: healthy",
    "exec_create: true ",
    "exec_start: true ",
    "exec_die",
  ]);
});

test("a check that takes too long is killed with all that it began, and the next one waits for that", async () => {
  const script =
    "echo $$ >> /checks; echo waiting; (setsid sleep 777 &); sleep 778 & sh -c 'sleep 779; true'";
  const id = await checked({ Test: ["CMD-SHELL", script], Interval: often, Timeout: 300 * ms, Retries: 1 });
  await becomes(id, "unhealthy");
  expect((await stateOf(id)).Health?.Log[0]).toMatchObject({
    ExitCode: -1,
    Output: "Health check exceeded timeout (300ms): waiting\n",
  });
  await until("a second check", async () => ((await stateOf(id)).Health?.Log.length ?? 0) >= 2);
  // At most one check's processes are there, whenever one looks. (Its shell may be there twice, between fork and exec.)
  for (let look = 0; look < 20; look += 1) {
    const sleepers = (await processesOf(id)).filter((words) => /^sleep 77[89]/.test(words));
    expect(sleepers.length).toBeLessThanOrEqual(2);
    await pause(20, "looks at different moments of several checks");
  }
});

test("of the output of a check 4096 bytes are kept, whatever they are", async () => {
  const id = await checked({ Test: ["CMD-SHELL", "printf '\\377'; yes | head -c 1000000"], Interval: often });
  await becomes(id, "healthy");
  const [first] = (await stateOf(id)).Health?.Log ?? [];
  expect(first?.Output).toBe(`\ufffd${"y\n".repeat(2047)}y...`);
});

test("a check whose program is not there says so in the words of Docker's runtime", async () => {
  const id = await checked({ Test: ["CMD", "nosuchcheck"], Interval: often, Retries: 1 });
  await becomes(id, "unhealthy");
  const [first] = (await stateOf(id)).Health?.Log ?? [];
  expect(first?.ExitCode).toBe(-1);
  expect(first?.Output).toStartWith(
    'OCI runtime exec failed: exec failed: unable to start container process: exec: "nosuchcheck": executable file not found in $PATH',
  );
});

test("what a check leaves running does not keep it from its result", async () => {
  const id = await checked({ Test: ["CMD-SHELL", "echo said; sleep 1000 & exit 0"], Interval: often });
  await becomes(id, "healthy");
  expect((await stateOf(id)).Health?.Log[0]).toMatchObject({ ExitCode: 0, Output: "said\n" });
});

test("nobody asks while it is paused; it is asked again when it goes on, and a check that was stopped is no result", async () => {
  const id = await checked({ Test: ["CMD-SHELL", "test -e /quick || sleep 2000"], Interval: often });
  await until("a check under way", async () => (await processesOf(id)).includes("sleep 2000"));
  const { containers } = fixture.engine;
  await containers.pause(id);
  expect((await stateOf(id)).Health).toEqual({ Status: "unhealthy", FailingStreak: 0, Log: [] });
  expect(await statusText(id)).toBe("Up (Paused)");
  await containers.unpause(id);
  await inside(id, "touch /quick");
  await becomes(id, "healthy");
  expect((await stateOf(id)).Health?.Log.map(({ ExitCode }) => ExitCode)).not.toContain(-1);
});

test("it starts over when it is started again, and nobody asks after its end", async () => {
  const id = await checked({ Test: ["CMD", "true"], Interval: often });
  await becomes(id, "healthy");
  const { containers } = fixture.engine;
  await containers.stop(id, { timeoutSeconds: 0 });
  const { Health: ended } = await stateOf(id);
  expect(ended?.Status).toBe("unhealthy");
  expect(await statusText(id)).toStartWith("Exited (137)");
  await pause(150, "no check comes after the end");
  expect((await stateOf(id)).Health).toEqual(ended);
  await containers.start(id);
  expect((await stateOf(id)).Health).toMatchObject({ Status: "starting", FailingStreak: 0 });
  await becomes(id, "healthy");
  await containers.restart(id, { timeoutSeconds: 0 });
  expect((await stateOf(id)).Health?.Status).toBe("starting");
  await becomes(id, "healthy");
});

test("another engine starts over with what it finds running", async () => {
  const id = await checked({ Test: ["CMD", "true"], Interval: 300 * ms });
  await becomes(id, "healthy");
  await fixture.reopen();
  expect((await stateOf(id)).Health).toEqual({ Status: "starting", FailingStreak: 0, Log: [] });
  await becomes(id, "healthy");
});

test("an engine that ends kills the check that is under way", async () => {
  const id = await checked({ Test: ["CMD", "sleep", "4321"], Interval: often });
  const { containers } = fixture.engine;
  await until("the check", async () => (await processesOf(id)).includes("sleep 4321"));
  await fixture.close();
  await fixture.open();
  expect(containers).not.toBe(fixture.engine.containers);
  await until(
    "its end",
    async () => (await processesOf(id)).filter((each) => each === "sleep 4321").length <= 1,
  );
});

const server = ["sh", "-c", "mkdir /www; echo soup > /www/menu; exec httpd -f -p 81 -h /www"];

test("the engine asks by TCP and HTTP from inside the network namespace, without a process", async () => {
  const heard: string[] = [];
  using _listening = fixture.engine.events.subscribe(({ type, action }) => {
    if (type === "container") heard.push(action);
  });
  const quick = { Interval: often, Retries: 1 };
  const open = await checked({ Test: ["TCP", "localhost:81"], ...quick }, server);
  const shut = await checked({ Test: ["TCP", "127.0.0.1:82"], ...quick }, server);
  const found = await checked({ Test: ["HTTP", "http://127.0.0.1:81/menu"], ...quick }, server);
  const lost = await checked({ Test: ["HTTP", "http://127.0.0.1:81/bill"], ...quick }, server);
  await becomes(open, "healthy");
  await becomes(shut, "unhealthy");
  await becomes(found, "healthy");
  await becomes(lost, "unhealthy");
  const last = async (id: string) => (await stateOf(id)).Health?.Log.at(-1);
  expect(await last(shut)).toMatchObject({
    ExitCode: 1,
    Output: "connect tcp 127.0.0.1:82: ECONNREFUSED",
  });
  expect(await last(found)).toMatchObject({ ExitCode: 0, Output: "HTTP/1.1 200 OK" });
  await until("an answer", async () => (await last(lost))?.Output === "HTTP/1.1 404 Not Found");
  expect(heard.filter((action) => action.startsWith("exec_create"))).toEqual([]);
});

test("the engine asks a gRPC service for its health", async () => {
  const check = { Test: ["GRPC", "localhost:81/shop"], Interval: often, Retries: 1 };
  const answering = (answer: string) => [
    "nc",
    "-ll",
    "-p",
    "81",
    "-e",
    "sh",
    "-c",
    `printf '${answer}'; cat`,
  ];
  const message = (status: number) =>
    `\\000\\000\\007\\000\\001\\000\\000\\000\\001\\000\\000\\000\\000\\002\\010\\00${status}`;
  const serving = await checked(check, answering(message(1)));
  const resting = await checked(check, answering(message(2)));
  await becomes(serving, "healthy");
  await becomes(resting, "unhealthy");
  const last = async (id: string) => (await stateOf(id)).Health?.Log.at(-1);
  expect(await last(serving)).toMatchObject({ ExitCode: 0, Output: "SERVING" });
  await until("an answer", async () => (await last(resting))?.Output === "NOT_SERVING");
});

test("with the policy on-unhealthy a container whose checks fail is ended and started again, as often as it says", async () => {
  const heard: string[] = [];
  using _listening = fixture.engine.events.subscribe(({ type, action }) => {
    if (type === "container") heard.push(action);
  });
  // It ends well when it is asked to, which no policy takes for a failure.
  const polite = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"];
  const id = await fixture.start(polite, {
    Healthcheck: { Test: ["TCP", "127.0.0.1:81"], Interval: often, Retries: 1 },
    HostConfig: { RestartPolicy: { Name: "on-unhealthy", MaximumRetryCount: 2 } },
  });
  const { containers } = fixture.engine;
  const look = async () => await containers.inspect(id, { size: false });
  await until("two restarts", async () => (await look()).RestartCount === 2 && (await look()).State.Running);
  await until(
    "unhealthy once more",
    () => heard.filter((each) => each === "health_status: unhealthy").length === 3,
  );
  expect((await look()).HostConfig.RestartPolicy).toEqual({ Name: "on-unhealthy", MaximumRetryCount: 2 });
  const once = ["health_status: unhealthy", "kill", "die", "start"];
  expect(heard).toEqual(["create", "start", ...once, ...once, "health_status: unhealthy"]);
  await containers.stop(id, {});
  expect((await look()).State.Status).toBe("exited");
});

test("an end that a check of health has brought about is followed by a start under the next engine, too", async () => {
  const slow = ["sh", "-c", "trap 'sleep 0.5; exit 0' TERM; while :; do sleep 0.05; done"];
  const id = await fixture.start(slow, {
    Healthcheck: { Test: ["TCP", "127.0.0.1:81"], Interval: often, Retries: 1 },
    HostConfig: { RestartPolicy: { Name: "on-unhealthy", MaximumRetryCount: 1 } },
  });
  await until("its end is asked for", async () => (await stateOf(id)).Health?.Status === "unhealthy");
  await fixture.reopen();
  await until("another run", async () => {
    const { RestartCount, State } = await fixture.engine.containers.inspect(id, { size: false });
    return RestartCount === 1 && State.Running;
  });
});

test("the policy on-unhealthy is refused where there is no check, at a creation and by an update", async () => {
  const RestartPolicy = { Name: "on-unhealthy", MaximumRetryCount: 0 };
  const refused = await errorOf(fixture.start(program, { HostConfig: { RestartPolicy } }));
  expect([refused.kind, refused.code]).toEqual(["invalid", "container.restart-policy"]);
  expect(refused.message).toContain("'on-unhealthy' needs a check of health");
  const id = await fixture.start(program);
  const later = await errorOf(fixture.engine.containers.update(id, { RestartPolicy }));
  expect(later.message).toBe(refused.message);
});

test("a server that takes a connection and says nothing, or no HTTP, is not well; and nothing of the asking stays", async () => {
  const quick = { Interval: often, Timeout: 200 * ms, Retries: 1 };
  const answering = (...program: readonly string[]) => ["nc", "-ll", "-p", "81", "-e", ...program];
  const check = { Test: ["HTTP", "http://127.0.0.1:81/"], ...quick };
  const silent = await checked(check, answering("sleep", "1000"));
  const other = await checked(check, answering("sh", "-c", "echo SSH-2.0; cat > /dev/null"));
  const saying = async (id: string, words: string) =>
    await until(words, async () => (await stateOf(id)).Health?.Log.at(-1)?.Output === words);
  await saying(silent, "Health check exceeded timeout (200ms)");
  await saying(other, "the answer is not HTTP");
  const before = descriptorsOf(process.pid).length;
  await until("another check", async () => ((await stateOf(silent)).Health?.FailingStreak ?? 0) > 6);
  await until("no more descriptors", () => descriptorsOf(process.pid).length <= before);
});

test("a hundred checks leave no process, descriptor, socket or record", async () => {
  let ended = 0;
  using _listening = fixture.engine.events.subscribe(({ action }) => {
    if (action === "exec_die") ended += 1;
  });
  const { containers } = fixture.engine;
  const id = await checked({ Test: ["CMD-SHELL", "echo said"], Interval: 1 * ms });
  const sockets = (): number => readdirSync(`${fixture.directory}/run/s`).length;
  const children = (): number =>
    readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").split(" ").filter(Boolean).length;
  const look = () => ({ sockets: sockets(), children: children(), open: descriptorsOf(process.pid).length });
  const after = async (count: number) => {
    await until(`${count} checks`, () => ended >= count);
    await containers.stop(id, { timeoutSeconds: 0 });
    return await settled("what was under way", look);
  };
  const few = await after(5);
  await containers.start(id);
  ended = 0;
  const many = await after(100);
  // A child of an earlier test may have been on its way out.
  expect(many.sockets).toBeLessThanOrEqual(few.sockets);
  expect(many.children).toBeLessThanOrEqual(few.children);
  expect(many.open).toBeLessThanOrEqual(few.open);
  expect((await containers.inspect(id, { size: false })).ExecIDs).toBeNull();
});

test("the image's check counts where the client says nothing, its numbers where the client's are zero, and NONE ends it", async () => {
  const { containers, images } = fixture.engine;
  const made = await fixture.start(["true"]);
  await containers.commit(made, {
    repository: "checked",
    tag: undefined,
    author: "",
    comment: "",
    pause: false,
    config: {
      Shell: ["/bin/sh", "-ec"],
      Healthcheck: { Test: ["CMD-SHELL", "false; echo never"], Interval: often, Retries: 7 },
    },
    changes: [],
  });
  try {
    const body = { Image: "checked", Cmd: program };
    const by = await fixture.start(program, { ...body, Healthcheck: { Timeout: 9e9 } });
    const { Config } = await containers.inspect(by, { size: false });
    expect(Config.Healthcheck).toEqual({
      Test: ["CMD-SHELL", "false; echo never"],
      Interval: 50 * ms,
      Timeout: 9e9,
      Retries: 7,
    });
    // The image's shell ends at the first failure.
    await until("a check", async () => (await stateOf(by)).Health?.Log[0]?.ExitCode === 1);
    const own = await fixture.start(program, { ...body, Healthcheck: { Test: ["CMD", "true"] } });
    await becomes(own, "healthy");
    const none = await fixture.start(program, { ...body, Healthcheck: { Test: ["NONE"] } });
    expect((await stateOf(none)).Health).toBeUndefined();
    expect(await withHealth("none")).toBe(2);
  } finally {
    for (const { Id } of await containers.list({ all: true, size: false, filters: {} }))
      await containers.remove(Id, { force: true, volumes: true });
    await images.remove("checked", { force: true, keepParents: false });
  }
});

test.each<[Healthcheck, string]>([
  [
    { Test: ["CURL", "x"] },
    'unknown type "CURL" of a check of health: wanted CMD, CMD-SHELL, TCP, HTTP, GRPC or NONE',
  ],
  [{ Test: ["CMD"] }, "the check of the container's health has no command"],
  [{ Test: ["CMD-SHELL"] }, "a check of health by CMD-SHELL has no command"],
  [
    { Test: ["TCP", "db:5432"] },
    'at "db:5432": wanted localhost or an IPv4 address inside the container, and a port',
  ],
  [{ Test: ["TCP", "127.0.0.1:0"] }, "and a port"],
  [{ Test: ["TCP"] }, "a check of health by TCP has 0 words after it, wanted one"],
  [{ Test: ["HTTP", "https://127.0.0.1/"] }, "wanted http://ADDRESS[:PORT][/PATH]"],
  [{ Test: ["HTTP", "http://127.0.0.1/a b"] }, "wanted http://ADDRESS[:PORT][/PATH]"],
  [{ Test: ["CMD", "true"], Interval: 5 }, "Interval in Healthcheck cannot be less than 1ms"],
  [{ Test: ["CMD", "true"], Timeout: -5 }, "Timeout in Healthcheck cannot be less than 1ms"],
  [{ Test: ["CMD", "true"], Retries: -1 }, "Retries in Healthcheck cannot be negative"],
])("%p is refused", async (Healthcheck, words) => {
  const error = await errorOf(checked(Healthcheck));
  expect([error.kind, error.code]).toEqual(["invalid", "container.health"]);
  expect(error.message).toContain(words);
});
