/** An engine as the bench of the classic commands sees it: its client, its API, and the processor time that its processes take. */
import { readdirSync, readFileSync } from "node:fs";
import type { ApiEngine } from "../engine-api.ts";
import { type Contestant, timeOnce } from "../timing.ts";

export interface ClassicEngine extends ApiEngine {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Names of its programs, as /proc/PID/comm has them, or the process itself. Those of engines with directories below /tmp are others'. */
  readonly processes: { readonly pid: () => number } | { readonly names: readonly string[] };
}

export interface ClassicBench {
  readonly scratch: string;
  /** Ours first. */
  readonly engines: readonly ClassicEngine[];
  readonly rounds: number;
  readonly parts: readonly string[];
  /** Ends our engine as a crash does, starts it again, and gives when it was started. */
  readonly restart: () => Promise<number>;
}

/** A network of its own: Docker's default one goes whenever somebody starts another dockerd without it. */
export const network = "tiffin-bench-k-net";

/** Containers of this part of the bench, for the engines' own lists. */
export const prefix = "tiffin-bench-k";

export function call({ name, command, env }: ClassicEngine, ...words: readonly string[]): Contestant {
  return {
    name,
    // Ids and progress say nothing here.
    command: ["/bin/sh", "-c", 'exec "$@" >/dev/null', "sh", ...command, ...words],
    ...(env !== undefined && { env }),
  };
}

/** Milliseconds. What was written before is on the disk first, so that nobody waits for another's bytes. */
export function timed(engine: ClassicEngine, ...words: readonly string[]): number {
  Bun.spawnSync(["sync"]);
  return timeOnce(call(engine, ...words));
}

export function untimed(engine: ClassicEngine, ...words: readonly string[]): void {
  timeOnce(call(engine, ...words));
}

/** Whatever has become of it: the first error is what counts. */
export function takeAway({ command, env }: ClassicEngine, ...words: readonly string[]): void {
  Bun.spawnSync([...command, ...words], {
    env: { ...process.env, ...env },
    stdout: "ignore",
    stderr: "ignore",
  });
}

function pidsOf({ processes }: ClassicEngine): number[] {
  if ("pid" in processes) return [processes.pid()];
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    const comm = textOf(`/proc/${entry}/comm`).trim();
    if (!processes.names.includes(comm)) return [];
    return textOf(`/proc/${entry}/cmdline`).includes("/tmp/") ? [] : [Number(entry)];
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // It has ended.
    return "";
  }
}

const nsPerMs = 1e6;
const tickMs = 10;

/**
 * Milliseconds of processor that the engine has used so far: of its threads that live to the nanosecond, of those that have
 * ended and of programs that it has run and waited for by ticks. proc_pid_schedstat(5), proc_pid_stat(5)
 */
export function processorMs(engine: ClassicEngine): number {
  return [...byProcess(engine).values()].reduce((sum, ms) => sum + ms, 0);
}

function byProcess(engine: ClassicEngine): Map<number, number> {
  return new Map(
    pidsOf(engine).map((pid) => {
      const fields = textOf(`/proc/${pid}/stat`).split(") ")[1]?.split(" ").map(Number) ?? [];
      const [own = 0, ownKernel = 0, children = 0, childrenKernel = 0] = fields.slice(11, 15);
      // What threads that have ended used is in the process's ticks alone.
      const ownMs = Math.max(threadsMs(pid), (own + ownKernel) * tickMs - tickMs);
      return [pid, ownMs + (children + childrenKernel) * tickMs];
    }),
  );
}

function threadsMs(pid: number): number {
  let ns = 0;
  let tasks: string[] = [];
  try {
    tasks = readdirSync(`/proc/${pid}/task`);
  } catch {
    // It has ended.
  }
  for (const task of tasks) ns += Number(textOf(`/proc/${pid}/task/${task}/schedstat`).split(" ")[0] ?? 0);
  return ns / nsPerMs;
}

/** Milliseconds of processor a second while nothing but `ms` passes; of processes that are there all the time. */
export async function processorDuring(engine: ClassicEngine, ms: number): Promise<number> {
  const before = byProcess(engine);
  const began = performance.now();
  await Bun.sleep(ms);
  let used = 0;
  for (const [pid, now] of byProcess(engine)) used += now - (before.get(pid) ?? now);
  return (used / (performance.now() - began)) * 1000;
}
