/** A copy of the program for the tests of one file, which has a resident helper of its own. */
import { afterAll, beforeAll, expect } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outcomeOf } from "../support/outcome.ts";
import { until } from "../support/until.ts";
import { type Bundle, specOf } from "./bundle.ts";
import { runtimes } from "./runtimes.ts";

const built = runtimes.find(({ name }) => name === "tiffin")?.path;
export const isRoot = process.geteuid?.() === 0 && built !== undefined;
export const helpers = "/run/tiffin-runtime/@helper";
/** Environment of callers: a helper that they start stays for 20 s. */
export const stay = { TIFFIN_RUNTIME_HELPER: "20" };

/** Where a link of /proc leads; empty when it, or its process, is gone. */
export function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

function wordsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

/** To be called at the top of a file of tests: what is made is removed after them. */
export function ownHelper() {
  const directory = mkdtempSync(join(tmpdir(), "tiffin-test-helper-"));
  const program = join(directory, "tiffin-runtime");

  beforeAll(() => {
    if (built !== undefined) copyFileSync(built, program);
  });

  afterAll(() => {
    const pid = helperPid();
    if (pid !== undefined) process.kill(pid);
    rmSync(directory, { recursive: true, force: true });
  });

  /** What the name of our helper's socket ends in. A killed helper of an earlier file may have had the same inode. */
  function fileName(): string {
    const { ino, mtimeNs } = statSync(program, { bigint: true });
    return [ino, mtimeNs].map((number) => number.toString(16).padStart(16, "0")).join("");
  }

  function socketOf(): string | undefined {
    if (!existsSync(helpers)) return undefined;
    return readdirSync(helpers).find((name) => name.endsWith(fileName()));
  }

  /** The helper of our copy: the one process of it with that word. */
  function helperPid(): number | undefined {
    for (const name of readdirSync("/proc")) {
      if (!/^\d+$/.test(name) || linkOf(`/proc/${name}/exe`) !== program) continue;
      if (wordsOf(name)[1] === "@helper") return Number(name);
    }
    return undefined;
  }

  async function call(
    bundle: Bundle,
    words: readonly string[],
    env: Record<string, string> = stay,
    prefix: readonly string[] = [],
  ) {
    const child = Bun.spawn([...prefix, program, "--root", bundle.root, ...words], {
      cwd: bundle.path,
      env: { ...process.env, ...env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    return await outcomeOf(child);
  }

  /** `create`, without a pipe that the container's process would keep: its standard streams are ours. */
  function creation(bundle: Bundle, stderr: "ignore" | "pipe" = "ignore") {
    return Bun.spawn([program, "--root", bundle.root, "create", bundle.id], {
      cwd: bundle.path,
      env: { ...process.env, ...stay },
      stdio: ["ignore", "ignore", stderr],
    });
  }

  async function startHelper(bundle: Bundle): Promise<void> {
    bundle.configure(specOf(["/bin/true"]));
    expect((await call(bundle, ["run", bundle.id])).code).toBe(0);
    await until("a helper", () => socketOf() !== undefined);
  }

  async function endHelper(): Promise<void> {
    const pid = helperPid();
    if (pid !== undefined) process.kill(pid, "SIGKILL");
    await until("the end of the helper", () => helperPid() === undefined);
    const left = socketOf();
    if (left !== undefined) rmSync(join(helpers, left), { force: true });
  }

  /** What the process of a running `run` executes: the executor when a helper decided, else the program itself. */
  async function whoRuns(
    bundle: Bundle,
    env: Record<string, string> = stay,
    prefix: readonly string[] = [],
  ): Promise<string> {
    bundle.configure(specOf(["/bin/sleep", "30"]));
    const running = Bun.spawn([...prefix, program, "--root", bundle.root, "run", bundle.id], {
      cwd: bundle.path,
      env: { ...process.env, ...env },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "inherit",
    });
    try {
      await until("the container", async () =>
        (await call(bundle, ["state", bundle.id], { TIFFIN_RUNTIME_HELPER: "off" })).stdout.includes(
          '"running"',
        ),
      );
      return linkOf(`/proc/${running.pid}/exe`).startsWith("/memfd:tiffin-executor") ? "helper" : "alone";
    } finally {
      await call(bundle, ["kill", bundle.id, "KILL"], { TIFFIN_RUNTIME_HELPER: "off" });
      expect(await running.exited).toBe(137);
    }
  }

  return { program, fileName, socketOf, helperPid, call, creation, startHelper, endHelper, whoRuns };
}
