/** Starts the engine in the background when nobody answers at the default address. */
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { defaultHost, defaultRun } from "../engine/config.ts";
import { reapChild } from "../kernel/pidfd.ts";
import { spawn } from "../kernel/spawn.ts";
import { SyscallError } from "../kernel/syscall.ts";
import { connectUnix } from "../kernel/unix-stream.ts";
import { monotonicMs } from "../lib/clock.ts";
import { TiffinError } from "../lib/errors.ts";
import { pause } from "../lib/timer.ts";
import { selfCommand } from "./self-command.ts";

const startLimitMs = 15_000;
const pauseMs = 2;
const unixScheme = "unix://";
const logFile = `${defaultRun}/engine.log`;

/** True when something accepts connections at the unix socket `path`. */
function answers(path: string): boolean {
  try {
    using _connection = connectUnix(path);
    return true;
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    if (thrown.code === "ENOENT" || thrown.code === "ECONNREFUSED") return false;
    throw new TiffinError(
      "forbidden",
      "engine.socket",
      `cannot connect to the engine at ${path}: ${thrown.code}`,
      {
        remedy: "run as root, or as a member of the group tiffin",
        exitCode: 125,
      },
    );
  }
}

/** What is there and can never be an engine is named. */
function refuseOthers(where: string): void {
  if (!where.startsWith(unixScheme)) return;
  const found = statSync(where.slice(unixScheme.length), { throwIfNoEntry: false });
  if (found === undefined || found.isSocket()) return;
  const kind = found.isDirectory() ? "a directory" : "no socket";
  throw new TiffinError(
    "invalid",
    "engine.socket",
    `Cannot connect to the Tiffin engine at ${where}: it is ${kind}, wanted the socket of an engine`,
    { exitCode: 125 },
  );
}

/**
 * Makes sure that an engine answers at `where`. Only the default address is started on demand; an engine elsewhere
 * belongs to whoever chose its directories.
 */
export async function ensureEngine(where: string): Promise<void> {
  const path = defaultHost.slice(unixScheme.length);
  if (where !== defaultHost) {
    refuseOthers(where);
    throw new TiffinError(
      "unavailable",
      "engine.unreachable",
      `Cannot connect to the Tiffin engine at ${where}. Is it running?`,
      {
        remedy: "start it with: tiffin daemon --root DIR --run DIR --host ADDRESS",
        exitCode: 125,
      },
    );
  }
  if (answers(path)) return;
  if (process.getuid?.() !== 0) {
    throw new TiffinError("forbidden", "engine.needs-root", "cannot start the engine: it needs root", {
      remedy: "start it as root with: tiffin daemon",
      exitCode: 125,
    });
  }
  mkdirSync(defaultRun, { recursive: true, mode: 0o700 });
  const log = openSync(logFile, "a", 0o600);
  // Where clients look, whatever the configuration file says of it.
  const daemon = ["daemon", "--host", defaultHost];
  const env = Object.entries(process.env).map(([key, value]) => `${key}=${value ?? ""}`);
  const fds = [
    [log, 1],
    [log, 2],
  ] as const;
  const pid = spawn({ ...selfCommand(daemon), env, fds, cwd: "/", newSession: true });
  closeSync(log);
  const deadline = monotonicMs() + startLimitMs;
  while (!answers(path)) {
    // Another command may have started an engine at the same moment; then ours gives way and its socket answers.
    const ended = reapChild(pid) !== "running" && !answers(path);
    if (ended || monotonicMs() > deadline) {
      const lines = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-5).join("\n");
      throw new TiffinError(
        "unavailable",
        "engine.start",
        `the engine did not start; the end of ${logFile}:\n${lines}`,
        { exitCode: 125 },
      );
    }
    await pause(pauseMs);
  }
}
