/**
 * SIGKILL of the engine at every step of create, start, copies, restart, update, pause, stop, exec and remove. Whatever the moment: the next engine comes up, a
 * container is either as before or as after the step, and after removal nothing is left on the host.
 */
import { afterAll, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import type { Failpoint } from "../../src/engine/container/failpoints.ts";
import { failpoints } from "../../src/engine/container/mod.ts";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { EngineOverAndOver } from "../support/engine-over-and-over.ts";
import { freePort } from "../support/free-port.ts";
import { until } from "../support/until.ts";

/** A life that passes every failpoint. */
const life = {
  run: [
    ...["run", "-d", "--name", "victim", "-v", "/scratch", "--tmpfs", "/going"],
    ...["base", "sh", "-c", "echo hello; exec sleep 1000"],
  ],
  exec: ["exec", "victim", "true"],
  "cp in": ["cp", "-q", import.meta.path, "victim:/scratch"],
  "cp out": ["cp", "-q", "victim:/etc/passwd", "-"],
  commit: ["commit", "victim", "kept"],
  update: [
    "update",
    "--memory",
    "64m",
    "--memory-swap",
    "64m",
    "--mount-add",
    "type=tmpfs,target=/live",
    "--mount-rm",
    "/going",
    "--publish-add",
    "80",
    "--network-add",
    "inn",
    "--network-rm",
    "bridge",
    "victim",
  ],
  pause: ["pause", "victim"],
  unpause: ["unpause", "victim"],
  restart: ["restart", "-t", "0", "victim"],
  stop: ["stop", "-t", "0", "victim"],
  rm: ["rm", "-v", "victim"],
  "run again": ["run", "-d", "--name", "second", "--userns", "private", "base", "sleep", "1000"],
  "rm -f": ["rm", "-f", "second"],
} as const satisfies Readonly<Record<string, readonly string[]>>;
type Step = keyof typeof life;
const steps: readonly Step[] = [
  "run",
  "exec",
  "cp in",
  "cp out",
  "commit",
  "update",
  "pause",
  "unpause",
  "restart",
  "stop",
  "rm",
  "run again",
  "rm -f",
];

interface Answer {
  readonly exitCode: number;
  readonly stderr: string;
}

/** Nobody asks for these; they come with time. */
type Unasked = "health.answered";
const isAskedFor = (name: Failpoint): name is Exclude<Failpoint, Unasked> => name !== "health.answered";

/** In whose course each failpoint lies first. */
const passedBy: Readonly<Record<Exclude<Failpoint, Unasked>, Step>> = {
  "create.directory": "run",
  "create.row": "run",
  "start.mounts": "run",
  "start.network": "run",
  "start.cgroup": "run",
  "start.token": "run",
  // Only a user namespace of its own makes the start wait for its maps.
  "start.sync": "run again",
  "start.launched": "run",
  "start.running": "run",
  "exit.saved": "restart",
  "exit.network": "restart",
  "exit.cgroup": "restart",
  "stop.signalled": "restart",
  "update.mount": "update",
  "update.join": "update",
  "update.ports": "update",
  "update.group": "update",
  "update.row": "update",
  "update.leave": "update",
  "update.unmount": "update",
  "pause.frozen": "pause",
  "pause.thawed": "unpause",
  "remove.marked": "rm",
  "remove.directory": "rm",
  "remove.volumes": "rm",
  "remove.row": "rm",
  "commit.frozen": "commit",
  "commit.layer": "commit",
  "commit.image": "commit",
  "copy.in": "cp in",
  "copy.unpacked": "cp in",
  "copy.out": "cp out",
  "restart.stopped": "restart",
  "volume.filled": "run",
  "volume.placed": "run",
  "volume.discarded": "rm",
  "exec.token": "exec",
  "exec.running": "exec",
};

function answered(step: Step, text: string): Answer {
  const isRun = life[step][0] === "run";
  if (isRun)
    return { exitCode: 125, stderr: `tiffin: ${text}\n\nRun 'tiffin run --help' for more information\n` };
  return { exitCode: 1, stderr: `${text}\n` };
}

/** What is answered to those who ask for the container that could not be made. */
function ofNobody(): Partial<Record<Step, Answer>> {
  const none = "Error response from daemon: No such container: victim";
  return {
    exec: answered("exec", none),
    "cp in": answered("cp in", none),
    "cp out": answered("cp out", none),
    commit: answered("commit", none),
    update: answered("update", none),
    pause: answered("pause", none),
    unpause: answered("unpause", none),
    restart: answered("restart", none),
    stop: answered("stop", none),
    rm: answered("rm", none),
  };
}

/** What each command answers, when it is not silent success, while every passing of `name` fails. */
function wantedAnswers(name: Failpoint): Partial<Record<Step, Answer>> {
  const failed = (step: Step, prefix = ""): Partial<Record<Step, Answer>> => ({
    [step]: answered(step, `Error response from daemon: ${prefix}failpoint ${name}`),
  });
  switch (name.split(".")[0]) {
    case "volume":
      if (name === "volume.discarded") return failed("rm", "cannot remove container ID: ");
      return { ...failed("run"), ...ofNobody() };
    case "create":
      return {
        ...failed("run"),
        ...ofNobody(),
        ...failed("run again"),
        // As with Docker's, a forced removal of nothing is told and succeeds.
        "rm -f": { exitCode: 0, stderr: "Error response from daemon: No such container: second\n" },
      };
    case "start":
      if (name === "start.sync") return failed("run again");
      return {
        ...failed("run"),
        exec: answered("exec", "Error response from daemon: container ID is not running"),
        pause: answered("pause", "Error response from daemon: container ID is not running"),
        unpause: answered("unpause", "Error response from daemon: Container ID is not paused"),
        ...failed("restart"),
        ...failed("run again"),
      };
    case "pause":
      if (name === "pause.frozen") {
        const notPaused = "Error response from daemon: Container ID is not paused";
        return { ...failed("pause"), unpause: answered("unpause", notPaused) };
      }
      return {
        ...failed("unpause"),
        ...failed("restart"),
        ...failed("stop"),
        rm: answered(
          "rm",
          'Error response from daemon: cannot remove container "/victim": container is paused: unpause and then stop the container before removing or force remove',
        ),
      };
    case "stop":
      return {
        ...failed("restart"),
        ...failed("stop"),
        rm: answered(
          "rm",
          'Error response from daemon: cannot remove container "/victim": container is running: stop the container before removing or force remove',
        ),
      };
    case "remove": {
      const prefix = name === "remove.row" ? "" : "cannot remove container ID: ";
      return { ...failed("rm", prefix), ...failed("rm -f", prefix) };
    }
    case "update":
      return failed("update");
    case "restart":
      return failed("restart");
    case "copy":
      return failed(name === "copy.out" ? "cp out" : "cp in");
    case "commit":
    case "exec":
      return failed(name.startsWith("exec") ? "exec" : "commit");
    default:
      // An exit has nobody to answer to; the engine's log has it.
      return {};
  }
}

/** What each command answers that does not just succeed; a life ends with its engine. */
async function wholeLife(engine: TestEngine): Promise<Partial<Record<Step, Answer>>> {
  const answers: Partial<Record<Step, Answer>> = {};
  await engine.output("network", "create", "inn");
  for (const step of steps) {
    const publish = step === "run" ? ["-p", `127.0.0.1:${freePort()}:80`] : [];
    const [command, ...words] = life[step];
    const { exitCode, stdout, stderr } = await engine.cli(command, ...publish, ...words);
    if (exitCode === 0 && stderr === "") continue;
    expect(stdout).toBe("");
    answers[step] = { exitCode, stderr: stderr.replace(/[0-9a-f]{64}/g, "ID") };
    if (stderr.includes("the connection to the engine was lost")) break;
  }
  return answers;
}

async function removeAll(engine: TestEngine): Promise<void> {
  const ids = (await engine.output("ps", "-aq")).split("\n").filter(Boolean);
  if (ids.length > 0) await engine.output("rm", "-f", "-v", ...ids);
  expect(await engine.output("ps", "-aq")).toBe("");
  await engine.cli("network", "rm", "inn");
  const kept = await engine.output("images", "-q", "kept");
  if (kept !== "") await engine.output("rmi", "kept");
}

const engines = new EngineOverAndOver();
afterAll(async () => await engines[Symbol.asyncDispose]());

for (const name of failpoints.filter(isAskedFor)) {
  test(`killed at ${name}: who asked is told, the next engine comes up and nothing is left after removal`, async () => {
    await engines.with(async (engine, before) => {
      await engine.stop();
      await engine.start({ env: { TIFFIN_FAILPOINT: `${name}:kill` } });
      const step = passedBy[name];
      expect(await wholeLife(engine)).toEqual({
        [step]: answered(step, "the connection to the engine was lost"),
      });
      await engine.ended();
      await engine.start();
      await removeAll(engine);
      expect(await engine.leftoversOfOthers(before)).toEqual([]);
      expect(await engine.output("run", "--rm", "--name", "victim", "base", "echo", "alive")).toBe("alive");
    });
  });

  test(`failing at ${name}: its own error where it was passed, and nothing is left after removal`, async () => {
    await engines.with(async (engine, before) => {
      await engine.stop();
      await engine.start({ env: { TIFFIN_FAILPOINT: name } });
      expect(await wholeLife(engine)).toEqual(wantedAnswers(name));
      expect(engine.running).toBe(true);
      if (name.startsWith("exit.")) expect(engine.log).toContain(`failpoint ${name}`);
      await engine.stop();
      await engine.start();
      await removeAll(engine);
      expect(await engine.leftoversOfOthers(before)).toEqual([]);
    });
  });
}

const askedContainer = ["run", "-d", "--name", "asked", "--health-cmd", "true", "--health-interval", "100ms"];

test("killed at health.answered: the next engine goes on asking, and nothing is left after removal", async () => {
  await engines.with(async (engine, before) => {
    await engine.stop();
    await engine.start({ env: { TIFFIN_FAILPOINT: "health.answered:kill" } });
    // The engine may be gone before it has answered.
    await engine.cli(...askedContainer, "base", "sleep", "1000");
    await engine.ended();
    await engine.start();
    await until("an answer", async () => (await healthOf(engine)) === "healthy");
    await removeAll(engine);
    expect(await engine.leftoversOfOthers(before)).toEqual([]);
  });
});

test("failing at health.answered: it is reported, asked again, and nothing is left after removal", async () => {
  await engines.with(async (engine, before) => {
    await engine.stop();
    await engine.start({ env: { TIFFIN_FAILPOINT: "health.answered" } });
    await engine.output(...askedContainer, "base", "sleep", "1000");
    const reports = (): number => engine.log.split("failpoint health.answered").length - 1;
    await until("it to be asked again", () => reports() > 1);
    expect(await healthOf(engine)).toBe("starting");
    await engine.stop();
    await engine.start();
    await until("an answer", async () => (await healthOf(engine)) === "healthy");
    await removeAll(engine);
    expect(await engine.leftoversOfOthers(before)).toEqual([]);
  });
});

async function healthOf(engine: TestEngine): Promise<string> {
  return await engine.output("inspect", "--format", "{{.State.Health.Status}}", "asked");
}

test("a container that a killed engine had stopped to read its files goes on with the next engine", async () => {
  await using engine = await startEngine();
  await engine.output(
    "run",
    "-d",
    "--name",
    "counts",
    "base",
    "sh",
    "-c",
    "while :; do printf x >> /n; done",
  );
  await engine.stop();
  await engine.start({ env: { TIFFIN_FAILPOINT: "commit.frozen:kill" } });
  expect((await engine.cli("commit", "counts")).stderr).toContain("the connection to the engine was lost");
  await engine.ended();
  await engine.start();
  const size = (): Promise<string> => engine.output("exec", "counts", "stat", "-c", "%s", "/n");
  const then = await size();
  await until("the container to count on", async () => (await size()) !== then);
  await removeAll(engine);
});

test("SIGKILL while containers run: they and their logs go on, wait and exit codes are right", async () => {
  await using engine = await startEngine();
  await engine.output("run", "--rm", "base", "true");
  const before = engine.snapshot();
  const port = freePort();
  const script = "i=0; while [ $i -lt 60 ]; do echo line $i; i=$((i+1)); sleep 0.05; done; exit 33";
  await engine.output("run", "-d", "--name", "counts", "base", "sh", "-c", script);
  await engine.output(
    "run",
    "-d",
    "--name",
    "stays",
    "-p",
    `127.0.0.1:${port}:80`,
    "base",
    "sh",
    "-c",
    "mkdir /w; echo up > /w/index.html; exec httpd -f -p 80 -h /w",
  );
  await engine.output("run", "-d", "--name", "ends", "base", "sh", "-c", "sleep 2; exit 44");
  const page = async (): Promise<string> =>
    await fetch(`http://127.0.0.1:${port}/`).then(
      async (response) => await response.text(),
      () => "not yet",
    );
  await until("the server", async () => (await page()) === "up\n");
  const ending = await engine.output("inspect", "--format", "{{.State.Pid}}", "ends");
  await engine.crash();
  expect(await page()).toBe("up\n");
  await until("an end that no engine sees", () => !existsSync(`/proc/${ending}`));
  await engine.start();
  expect(await engine.output("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "ends")).toBe(
    "exited 44",
  );
  expect(await engine.output("inspect", "--format", "{{.State.Status}}", "stays")).toBe("running");
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("up\n");
  expect(await engine.output("exec", "stays", "cat", "/w/index.html")).toBe("up");
  expect(await engine.output("wait", "counts")).toBe("33");
  const lines = (await engine.output("logs", "counts")).split("\n");
  expect(lines).toEqual(Array.from({ length: 60 }, (_, index) => `line ${index}`));
  await removeAll(engine);
  expect(await engine.leftoversOfOthers(before)).toEqual([]);
});

const nothingLeft = {
  mounts: [],
  links: [],
  networkNamespaces: [],
  cgroups: [],
  tables: [],
  processes: [],
  files: [],
  descriptors: [],
};

test("after the last container, a stop leaves nothing of the engine on the host but the files of its root", async () => {
  await using engine = await startEngine();
  const port = freePort();
  await engine.output(
    "run",
    "-d",
    "--name",
    "one",
    "-p",
    `127.0.0.1:${port}:80`,
    "-v",
    "/data",
    "base",
    "sleep",
    "1000",
  );
  expect(await engine.stop()).toBe(0);
  // A container that runs keeps what it needs.
  expect(engine.snapshot().links).not.toEqual([]);
  await engine.start();
  expect(await engine.output("exec", "one", "echo", "here")).toBe("here");
  await engine.output("rm", "-f", "-v", "one");
  expect(await engine.stop()).toBe(0);
  expect({ ...engine.snapshot(), files: [], networkNamespaces: [] }).toEqual(nothingLeft);
  expect(existsSync(`${engine.root}/trash`) ? readdirSync(`${engine.root}/trash`) : []).toEqual([]);
  // And all of it comes back.
  await engine.start();
  expect(await engine.output("run", "--rm", "-p", `127.0.0.1:${port}:80`, "base", "echo", "again")).toBe(
    "again",
  );
});

test("after stop and --uninstall nothing of the engine is on the host but the files of its root", async () => {
  await using engine = await startEngine();
  await engine.output(
    "run",
    "-d",
    "--name",
    "one",
    "-p",
    `127.0.0.1:${freePort()}:80`,
    "base",
    "sleep",
    "1000",
  );
  await engine.stop();
  const uninstall = tiffinCommand(
    "daemon",
    "--root",
    engine.root,
    "--run",
    engine.run,
    "--host",
    engine.host,
    "--uninstall",
  );
  const refused = Bun.spawnSync(uninstall, { stderr: "pipe" });
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr.toString()).toContain("container one is running");
  await engine.start();
  await engine.output("rm", "-f", "one");
  expect(await engine.stop()).toBe(0);
  expect(Bun.spawnSync(uninstall).exitCode).toBe(0);
  const left = engine.snapshot();
  expect({ ...left, files: [], networkNamespaces: [] }).toEqual(nothingLeft);
});
