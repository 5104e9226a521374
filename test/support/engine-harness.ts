/**
 * A whole engine for one test: its own directories, socket, tag and cgroup, run from the source or, with
 * TIFFIN_BIN, from a built executable. It can be killed and started again over the same state, and says what it
 * left behind.
 *
 *   await using engine = await startEngine();
 *   const result = await engine.cli("run", "--rm", "base", "echo", "hello");
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cgroupParentOf, tagOfRoot } from "../../src/engine/config.ts";
import { removeNetworkRemains } from "../../src/engine/network/mod.ts";
import { type HostSnapshot, hostSnapshot, leftovers } from "./host-snapshot.ts";
import { type TerminalOptions, TerminalSession } from "./terminal.ts";
import { TestCgroup } from "./test-cgroup.ts";
import { until } from "./until.ts";

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface HttpResult {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON. */
  json(): unknown;
}

export interface EngineOptions {
  /** Added to the engine's environment, e.g. TIFFIN_FAILPOINT. */
  readonly env?: Readonly<Record<string, string>>;
  /** A shell command that changes the mounts that the engine will see, and nobody else. */
  readonly mounts?: string;
  /** Further options of `tiffin daemon`. */
  readonly arguments?: readonly string[];
}

const startLimitMs = 60_000;
const startPauseMs = 5;
const goneLimitMs = 60_000;
/** Pools refill and deletion goes on for some tens of milliseconds after a reply. */
const lookPauseMs = 25;
const settledLooks = 3;
const looksLimit = 80;
const source = new URL("../../src/main/tiffin.ts", import.meta.url).pathname;

/** The command that is the program under test. */
export function tiffinCommand(...args: readonly string[]): string[] {
  const built = process.env["TIFFIN_BIN"];
  return built === undefined ? [process.execPath, source, ...args] : [built, ...args];
}

/** Starts an engine on fresh directories and waits until it answers. */
export async function startEngine(options: EngineOptions = {}): Promise<TestEngine> {
  const engine = new TestEngine();
  try {
    await engine.start(options);
  } catch (thrown) {
    await engine[Symbol.asyncDispose]();
    throw thrown;
  }
  return engine;
}

/** One request to the engine, ours or another, that listens on `socket`; `body` is sent as JSON. */
export async function request(
  socket: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<HttpResult> {
  const response = await fetch(`http://localhost${path}`, {
    method,
    unix: socket,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: () => JSON.parse(text) as unknown,
  };
}

export class TestEngine {
  /** Everything of this engine is below it. */
  readonly directory = mkdtempSync("/tmp/tiffin-test-engine-");
  readonly root = `${this.directory}/root`;
  readonly run = `${this.directory}/run`;
  readonly socket = `${this.directory}/tiffin.sock`;
  readonly host = `unix://${this.socket}`;
  readonly tag = tagOfRoot(this.root);
  readonly cgroup = new TestCgroup();
  #process: Bun.Subprocess | undefined;
  #started = 0;

  /** The engine's process id. */
  get pid(): number {
    if (this.#process === undefined) throw new Error("the engine is not running");
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null;
  }

  /** What engines of this test have written to their standard output and error. */
  get log(): string {
    const files = Array.from(
      { length: this.#started },
      (_, index) => `${this.directory}/engine.${index + 1}.log`,
    );
    return files.map((file) => (existsSync(file) ? readFileSync(file, "utf8") : "")).join("");
  }

  /** Starts the engine over the state that is there. Throws with its log when it ends instead. */
  async start(options: EngineOptions = {}): Promise<void> {
    this.#started += 1;
    const log = Bun.file(`${this.directory}/engine.${this.#started}.log`);
    const daemon = ["daemon", "--root", this.root, "--run", this.run, "--host", this.host];
    daemon.push(...(options.arguments ?? []));
    const command = tiffinCommand(...daemon);
    const { mounts } = options;
    const there =
      mounts === undefined
        ? command
        : ["unshare", "-m", "sh", "-ec", `${mounts}; exec "$@"`, "sh", ...command];
    const started = Bun.spawn(this.cgroup.wrap(there), {
      env: { ...process.env, ...options.env },
      stdin: "ignore",
      stdout: log,
      stderr: log,
    });
    this.#process = started;
    const deadline = performance.now() + startLimitMs;
    while (!(await this.#answers())) {
      if (started.exitCode !== null || started.signalCode !== null || performance.now() > deadline) {
        throw new Error(`the engine did not start (exit ${started.exitCode}):\n${this.log}`);
      }
      await Bun.sleep(startPauseMs);
    }
  }

  /** SIGKILL, as a crash. Containers and their supervisors go on. */
  async crash(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.exited;
    this.#process = undefined;
  }

  /** What a reboot leaves of an engine and its containers: what is on disk, and nothing in the kernel. */
  async powerCut(): Promise<void> {
    await this.crash();
    await until("the processes of containers are gone", () => {
      for (const pid of this.cgroup.processes()) endProcess(pid);
      return this.cgroup.processes().length === 0;
    });
    removeHostObjects(this.tag);
    rmSync(this.run, { recursive: true, force: true });
  }

  /** SIGTERM, as an administrator stops it; the exit code. */
  async stop(): Promise<number> {
    const stopping = this.#process;
    if (stopping === undefined) throw new Error("the engine is not running");
    stopping.kill("SIGTERM");
    const code = await stopping.exited;
    this.#process = undefined;
    return code;
  }

  /** Resolves when the engine has ended by itself (a failpoint, say). */
  async ended(): Promise<void> {
    await this.#process?.exited;
    this.#process = undefined;
  }

  /** Runs the command line against this engine; `input` becomes its standard input. */
  async cli(...args: readonly string[]): Promise<CommandResult> {
    return await this.cliWith({}, ...args);
  }

  /** What a command prints that must succeed and report nothing, without white space around it. */
  async output(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.cli(...args);
    if (exitCode !== 0 || stderr !== "")
      throw new Error(`tiffin ${args.join(" ")}: exit ${exitCode}: ${stderr}`);
    return stdout.trim();
  }

  async cliWith(
    options: { readonly input?: string | Uint8Array; readonly env?: Readonly<Record<string, string>> },
    ...args: readonly string[]
  ): Promise<CommandResult> {
    const started = Bun.spawn(tiffinCommand(...args), {
      env: { ...process.env, TIFFIN_HOST: this.host, ...options.env },
      stdin: options.input === undefined ? "ignore" : new Blob([asBytes(options.input)]),
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, exitCode] = await Promise.all([
      new Response(started.stdout).text(),
      new Response(started.stderr).text(),
      started.exited,
    ]);
    return { exitCode, stdout, stderr };
  }

  /** Runs the command line on a terminal of its own. */
  terminal(args: readonly string[], options: TerminalOptions = {}): TerminalSession {
    return new TerminalSession(tiffinCommand(...args), {
      ...options,
      env: { TIFFIN_HOST: this.host, ...options.env },
    });
  }

  /** One request; `body` is sent as JSON. */
  async http(method: string, path: string, body?: unknown): Promise<HttpResult> {
    return await request(this.socket, method, path, body);
  }

  /** Everything on the host that belongs to this engine, once it has stopped changing. */
  snapshot(): HostSnapshot {
    let last = this.#look();
    for (let same = 0, looks = 0; same < settledLooks && looks < looksLimit; looks += 1) {
      Bun.sleepSync(lookPauseMs);
      const next = this.#look();
      same = Bun.deepEquals(last, next) ? same + 1 : 0;
      last = next;
    }
    return last;
  }

  #look(): HostSnapshot {
    const base = {
      directories: [this.root, this.run],
      linkPrefixes: [`tf${this.tag}`],
      cgroupParent: cgroupParentOf(this.tag),
      tables: [`tiffin_${this.tag}`],
      processes: () => this.cgroup.processes().filter((pid) => pid !== this.#process?.pid),
      // Background deletion, things made ahead of need and the database's own files come and go.
      ignoreFiles: /\/(\.?trash\/|containers\/\.ready-|s\/[0-9a-f]+$|tiffin\.db|cache(\/|$))/,
    };
    return hostSnapshot(this.#process === undefined ? base : { ...base, engine: this.#process.pid });
  }

  /** Lines that a snapshot has more than `before`, after waiting for work in the background; empty is clean. */
  async leftovers(before: HostSnapshot): Promise<string[]> {
    return await this.#remaining((now) => leftovers(before, now));
  }

  /** The same where `before` was taken of an engine that has been followed by another, with descriptors of its own. */
  async leftoversOfOthers(before: HostSnapshot): Promise<string[]> {
    return await this.#remaining((now) => leftovers({ ...before, descriptors: now.descriptors }, now));
  }

  async #remaining(compare: (now: HostSnapshot) => string[]): Promise<string[]> {
    const deadline = performance.now() + goneLimitMs;
    for (;;) {
      const left = compare(this.#look());
      if (left.length === 0 || performance.now() > deadline) return left;
      await Bun.sleep(20);
    }
  }

  /** Ends the engine and everything that it started. */
  async stopAll(): Promise<void> {
    if (this.running) await removeContainers(this);
    if (this.running) await this.stop().catch(() => {});
    await this.cgroup.dispose();
  }

  /** The same, and deletes its state. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAll();
    removeHostObjects(this.tag);
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    if (!existsSync(this.socket)) return false;
    try {
      return (await this.http("GET", "/_ping")).status === 200;
    } catch {
      return false;
    }
  }
}

function asBytes(input: string | Uint8Array): Uint8Array<ArrayBuffer> {
  return typeof input === "string" ? new TextEncoder().encode(input) : new Uint8Array(input);
}

async function removeContainers(engine: TestEngine): Promise<void> {
  const listed = await engine.http("GET", "/containers/json?all=1").catch(() => undefined);
  if (listed?.status !== 200) return;
  const containers: unknown = listed.json();
  if (!Array.isArray(containers)) return;
  for (const container of containers) {
    // One row of Docker's list; only its Id is used.
    const id = (container as { readonly Id?: string }).Id ?? "";
    await engine.http("DELETE", `/containers/${id}?force=1&v=1`).catch(() => undefined);
  }
}

/** After a test that left an engine dead: no link, table or cgroup of its tag may disturb the next test. */
function removeHostObjects(tag: string): void {
  const scope = {
    directories: [],
    linkPrefixes: [`tf${tag}`],
    cgroupParent: cgroupParentOf(tag),
    tables: [`tiffin_${tag}`],
    processes: () => [],
  };
  const left = hostSnapshot(scope);
  removeNetworkRemains(tag);
  for (const directory of left.cgroups) killGroup(directory);
  for (const directory of [...left.cgroups].reverse()) Bun.spawnSync(["rmdir", directory]);
}

/** Containers whose supervisors and engine are dead still run. */
function killGroup(directory: string): void {
  const pids = readFileSync(`${directory}/cgroup.procs`, "utf8").split("\n").filter(Boolean).map(Number);
  for (const pid of pids) endProcess(pid);
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended in between.
  }
}
