/**
 * The small program that `tiffin` is: a command that the engine performs for it says, writes and ends as the same command does
 * without the engine's help, whatever happens to either of them.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { encodeMessage } from "../../src/abi/message.ts";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { outcomeOf } from "../support/outcome.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { TerminalSession } from "../support/terminal.ts";
import { pause, until } from "../support/until.ts";

// From sources there is no front: the built program has it.
const built = process.env["TIFFIN_BIN"] !== undefined;
const why = built ? "" : " (skipped without the built program)";
const withoutFront = { TIFFIN_FRONT: "off" };

let engine: TestEngine;
const files = temporaryDirectory("front");

beforeAll(async () => {
  engine = await startEngine();
  await engine.output("run", "-d", "--name", "long", "-e", "COLOUR=green", "base", "sleep", "1000");
  await engine.cli("run", "--name", "over", "base", "sh", "-c", "echo one; echo two >&2");
  writeFileSync(join(files.path, "variables"), "FROM_FILE=yes\n");
  mkdirSync(join(files.path, "context/empty"), { recursive: true });
  writeFileSync(join(files.path, "context/Dockerfile"), "FROM base\nCOPY . /all\n");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

function frontSocket(): string {
  return `${engine.socket}.front`;
}

interface Called {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

async function outcome(words: readonly string[], called: Called, env: Readonly<Record<string, string>>) {
  const child = Bun.spawn(tiffinCommand(...words), {
    env: { ...process.env, TIFFIN_HOST: engine.host, ...called.env, ...env },
    cwd: files.path,
    stdin: called.input === undefined ? "ignore" : new Blob([called.input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const { code, stdout, stderr } = await outcomeOf(child);
  // What is another one each time.
  const steady = (text: string): string =>
    text.replace(/\b[0-9a-f]{64}\b/g, "ID").replace(/\b(?:About a|Less than a|\d+) \w+( ago)?/g, "TIME$1");
  return { code, stdout: steady(stdout), stderr: steady(stderr) };
}

const cases: readonly (readonly [words: readonly string[], called?: Called])[] = [
  [["--version"]],
  [["version", "--format", "{{.Server.APIVersion}}"]],
  [["--help"]],
  [["run", "--help"]],
  [["help", "exec"]],
  [["container"]],
  [["rnu", "base"]],
  [["ps", "-a", "--no-trunc"]],
  [["ps", "-aq", "--filter", "name=over"]],
  [["ps", "--format", "{{.Names}} {{json .Image}}"]],
  [["ps", "--format", "{{.None}}"]],
  [["ps", "--wrong"]],
  [["ps", "one"]],
  [["container", "ls", "-a", "--format", "table {{.Names}}"]],
  [["images", "--format", "{{.Repository}}:{{.Tag}}"]],
  [["image", "ls", "-q"]],
  [["images", "--format", "{{.CreatedAt}}"], { env: { TZ: "Asia/Tokyo" } }],
  [["ps", "-a", "--format", "{{.CreatedAt}}"], { env: { TZ: "America/New_York" } }],
  [["inspect", "long", "--format", "{{.Config.Env}}"]],
  [["inspect", "nothing"]],
  [["inspect", "long", "nothing", "over", "--format", "{{.Name}}"]],
  [["logs", "over"]],
  [["logs", "-n", "1", "over"]],
  [["logs", "nothing"]],
  [["wait", "over"]],
  [["wait", "over", "nothing"]],
  [["port", "long"]],
  [["top", "long", "-o", "args"]],
  [["start"]],
  [["start", "nothing"]],
  [["start", "-a", "over"]],
  [["stop", "over", "nothing"]],
  [["rm", "long"]],
  [["rename", "long", "over"]],
  [["run", "--rm", "base", "sh", "-c", "echo out; echo err >&2; exit 3"]],
  [["run", "--rm", "-i", "base", "sh", "-c", "cat; echo end"], { input: "typed\nand more" }],
  [["run", "--rm", "-i", "base", "cat"], { input: "" }],
  [["run", "--rm", "base", "nothing-such"]],
  [["run", "--rm", "base", "/etc"]],
  [
    ["run", "--rm", "-e", "TAKEN", "-e", "ABSENT", "base", "sh", "-c", "echo $TAKEN; env | grep -c ABSENT"],
    { env: { TAKEN: "from the caller" } },
  ],
  [["run", "--rm", "--env-file", "variables", "base", "printenv", "FROM_FILE"]],
  [["run", "--rm", "--env-file", "none-such", "base", "true"]],
  [["run", "--rm", "-v", "./variables:/v:ro", "base", "cat", "/v"]],
  [["run", "--rm", "--cidfile", "variables", "base", "true"]],
  [["run", "--rm", "--name", "long", "base", "true"]],
  [["run", "--rm", "-m", "1", "base", "true"]],
  [["run", "-t", "-i", "base", "true"], { input: "" }],
  [["run", "--pull", "never", "nowhere.invalid/none", "true"]],
  [["run", "nowhere.invalid/none", "true"]],
  [["run", "--timings", "--wrong", "base"]],
  [["run"]],
  [["exec", "long", "sh", "-c", "echo $COLOUR; exit 4"]],
  [["exec", "-i", "long", "wc", "-c"], { input: "x".repeat(100_000) }],
  [["exec", "-d", "long", "true"]],
  [["exec", "nothing", "true"]],
  [["exec", "over", "true"]],
  [["exec", "long", "none-such"]],
  [["-H", "unix:///nowhere/at/all", "ps"]],
  [["-H", "tcp://127.0.0.1:1", "ps"]],
  [["ps"], { env: { TIFFIN_HOST: "", DOCKER_HOST: "unix:///nowhere" } }],
  [["ps"], { env: { TIFFIN_HOST: "not an address" } }],
  [["kill", "-s", "NONE", "long"]],
  [["build", "-q", "context"]],
  [["build", "-q", "-f", "context/Dockerfile", "-t", "by-file", "context/empty"]],
  [["build", "-q", "-f", "-", "context"], { input: "FROM base\nLABEL from=stdin\n" }],
  [["build", "-q", "-"], { input: "FROM base\nLABEL from=alone\n" }],
  [["build", "-q", "--iidfile", "context.id", "context"]],
  [["build", "-q", "--iidfile", "none/such/id", "context"]],
  [["build", "-q", "-o", "out", "context"]],
  [["build", "-q", "-o", "-", "context/empty", "-f", "variables"]],
  [["build", "--graph", "context"]],
  [["build", "context/empty"]],
  [["build", "nowhere"]],
  [["build", "-t", "NoName", "context"]],
  [["build", "-q", "--secret", "id=one,src=variables", "context"]],
  [["build", "-q", "--secret", "id=one,src=none", "context"]],
  [["volume", "ls", "-q"]],
  [["system", "df", "--format", "{{.Type}}"]],
];

test.skipIf(!built).each(cases)(
  `with the engine's help and without it: %p${why}`,
  async (words, called = {}) => {
    const alone = await outcome(words, called, withoutFront);
    expect(await outcome(words, called, {})).toEqual(alone);
  },
);

/** The program behind the front needs a hundred times as much. */
const limitFrontKb = 4096;

function residentKb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
}

function call(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return Bun.spawn(tiffinCommand(...words), {
    env: { ...process.env, TIFFIN_HOST: engine.host, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

test.skipIf(!built)(
  `a command that waits is a front, and what it waits for goes on without it${why}`,
  async () => {
    const waiting = call(["run", "--name", "held", "base", "sh", "-c", "echo begun; exec sleep 1000"]);
    const said = await waiting.stdout.getReader().read();
    expect(new TextDecoder().decode(said.value)).toBe("begun\n");
    expect(residentKb(waiting.pid)).toBeLessThan(limitFrontKb);
    waiting.kill("SIGKILL");
    await waiting.exited;
    expect(await engine.output("inspect", "-f", "{{.State.Running}}", "held")).toBe("true");
    const watching = call(["wait", "held"]);
    await engine.output("rm", "-f", "held");
    expect((await outcomeOf(watching)).code).toBe(0);
  },
);

/** The command itself, where `unshare` had to make a child for it. */
function lastChild(pid: number): number {
  const child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ", 1)[0]);
  return child === 0 ? pid : child;
}

test.skipIf(!built).each(["mount", "net", "ipc", "uts", "cgroup", "pid --fork", "time --fork", "user -r"])(
  `an engine is not asked from other namespaces: %s${why}`,
  async (kind) => {
    const words = ["unshare", ...`--${kind}`.split(" "), "--", ...tiffinCommand("wait", "long")];
    const waiting = Bun.spawn(words, {
      env: { ...process.env, TIFFIN_HOST: engine.host },
      stdio: ["ignore", "ignore", "ignore"],
    });
    const command = () => lastChild(waiting.pid);
    try {
      await until("the command is the program", () => residentKb(command()) > limitFrontKb);
    } finally {
      process.kill(command(), "SIGKILL");
      await waiting.exited;
    }
  },
);

test.skipIf(!built)(`signals reach the program, and its exit code comes back${why}`, async () => {
  const trap = "trap 'echo caught; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
  const running = call(["run", "--rm", "base", "sh", "-c", trap]);
  const reader = running.stdout.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("ready\n");
  running.kill("SIGTERM");
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("caught\n");
  expect(await running.exited).toBe(7);
});

/** Descriptor 3 leads to a reader that has certainly gone. */
const toNobody = "f=$(mktemp -u); mkfifo $f; (: <$f) & exec 3>$f; wait; rm $f";

const shell = (script: string): string[] => ["sh", "-c", script, "sh", ...tiffinCommand()];

async function inShell(script: string, env: Readonly<Record<string, string>> = {}) {
  const child = Bun.spawn(shell(script), {
    env: { ...process.env, TIFFIN_HOST: engine.host, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  return await outcomeOf(child);
}

test.skipIf(!built).each([
  ["a list that nobody reads", `${toNobody}; "$@" ps >&3; echo "code $?"`],
  ["a full disk", '"$@" ps >/dev/full; echo "code $?"'],
  ["a program whose reader leaves", '("$@" run --rm base seq 1000000; echo "code $?" >&2) | head -n 1'],
  [
    "a program that says little to nobody",
    `${toNobody}; "$@" exec long sh -c "echo late; sleep 0.5" >&3; echo "code $?"`,
  ],
])(`%s ends it as it ends the program itself${why}`, async (_name, script) => {
  expect(await inShell(script)).toEqual(await inShell(script, withoutFront));
});

test.skipIf(!built)(`a hundred megabytes go in and come out, past a reader that is slow${why}`, async () => {
  const script =
    'head -c 100000000 /dev/zero | tr "\\0" x | "$@" run --rm -i base sh -c "cat; echo end >&2" | (sleep 0.3; sha256sum)';
  const before = residentKb(engine.pid);
  const { code, stdout, stderr } = await inShell(script);
  const expected = Bun.CryptoHasher.hash("sha256", new Uint8Array(100_000_000).fill(120), "hex");
  expect({ code, sum: stdout.slice(0, 64), stderr }).toEqual({ code: 0, sum: expected, stderr: "end\n" });
  expect(residentKb(engine.pid) - before).toBeLessThan(64 * 1024);
});

test.skipIf(!built)(
  `the terminal is as it was when the engine is killed, and the command says so${why}`,
  async () => {
    await using killed = await startEngine();
    const script =
      '"$@" run --rm -it base sh -c "echo up; cat"; echo "code $?"; stty -a | grep -c -- "-icanon"; echo the end';
    await using terminal = new TerminalSession(shell(script), { env: { TIFFIN_HOST: killed.host } });
    await terminal.see("up");
    terminal.type("echoed\r");
    await terminal.see("echoed");
    await killed.crash();
    await terminal.see("the connection to the engine was lost");
    await terminal.see("code 125");
    await terminal.see(/\s0\s+the end/);
    await killed.start();
  },
);

test.skipIf(!built)(`a window that changes is told to the program${why}`, async () => {
  const loop = "while :; do stty size; sleep 0.05; done";
  await using terminal = engine.terminal(["run", "--rm", "-it", "base", "sh", "-c", loop], {
    rows: 21,
    columns: 71,
  });
  await terminal.see("21 71");
  terminal.resize(33, 99);
  await terminal.see("33 99");
  terminal.type("\x03");
  expect(await terminal.exited()).toBe(130);
});

test.skipIf(!built)(`whoever asks three times need not wait for an engine that hangs${why}`, async () => {
  await using stopped = await startEngine();
  const running = Bun.spawn(
    tiffinCommand("run", "--rm", "base", "sh", "-c", "trap '' INT; echo up; sleep 1000"),
    {
      env: { ...process.env, TIFFIN_HOST: stopped.host },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    },
  );
  await running.stdout.getReader().read();
  process.kill(stopped.pid, "SIGSTOP");
  try {
    for (let asked = 0; running.exitCode === null && asked < 1000; asked += 1) {
      running.kill("SIGINT");
      await Promise.race([running.exited, pause(20, "signals of one number that come at once are one")]);
    }
    expect(await running.exited).toBe(130);
  } finally {
    process.kill(stopped.pid, "SIGCONT");
  }
});

test.skipIf(!built)(
  `another program that listens there is told nothing, and the command is done without it${why}`,
  async () => {
    await using visited = await startEngine();
    const path = `${visited.socket}.front`;
    renameSync(path, `${path}.away`);
    const heard: number[] = [];
    const sockets: Socket[] = [];
    const impostor = createServer((socket) => {
      sockets.push(socket);
      socket.write(encodeMessage("hello", {}));
      socket.on("data", (chunk) => heard.push(chunk.length));
      socket.on("error", () => undefined);
    });
    await new Promise<void>((resolve) => impostor.listen(path, resolve));
    try {
      expect(await visited.output("ps", "-q")).toBe("");
      await until("the visit", () => sockets.length > 0);
      expect(heard).toEqual([]);
    } finally {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => impostor.close(resolve));
      renameSync(`${path}.away`, path);
    }
  },
);

const words = new TextEncoder().encode("/\0ps\0");
const command = (bytes: number, argumentCount: number): Uint8Array =>
  encodeMessage("command", { bytes, argumentCount, terminals: 0 });

test.skipIf(!built).each([
  ["noise", new Uint8Array(5000).fill(255)],
  ["a message that only the engine says", encodeMessage("hello", {})],
  ["a command that is too long", command(0xffffffff, 1)],
  ["more words than there are", Buffer.concat([command(words.length, 1000), words])],
  ["a directory that is none", Buffer.concat([command(3, 1), new TextEncoder().encode("a\0b")])],
  ["two commands", Buffer.concat([command(words.length, 1), words, command(words.length, 1), words])],
  ["input without end", encodeMessage("input", { bytes: 0xffffffff })],
])(`%s is cut off, and the engine lives${why}`, async (_name, bytes) => {
  const closed = Promise.withResolvers<void>();
  const socket = connect(frontSocket(), () => socket.write(bytes));
  socket.on("data", () => undefined);
  socket.on("error", () => undefined);
  socket.on("close", () => closed.resolve());
  await closed.promise;
  expect(await engine.output("ps", "-q", "--filter", "name=long")).not.toBe("");
});
