/** The processes of a container: read from /proc, or with arguments of a user's own by the host's ps(1), as Docker does. */
import { listCgroupProcesses } from "../../../kernel/cgroup-processes.ts";
import { readTextIfPossible } from "../../../kernel/files.ts";
import { exitCodeOf, reapChild } from "../../../kernel/pidfd.ts";
import { nowMs } from "../../../lib/clock.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { parsePasswd } from "../../../linux/passwd.ts";
import { parseStat, parseStatus } from "../../../linux/proc.ts";
import { startPs } from "../../../runtime/mod.ts";
import { connectDuplex } from "../../../transport/bun-duplex.ts";
import { tellEvent } from "../context.ts";
import { cgroupOf, meetingEnd, notRunningError, refuseRestarting } from "../process/mod.ts";
import { type Container, isAlive } from "../record/mod.ts";
import type { ViewContext } from "./context.ts";
import { type ProcessTable, processTable, rowsOfPs, type SeenProcess } from "./process-table.ts";

const defaultArguments = "-ef";
const searchPath = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin";
const outputLimitBytes = 16 * 1024 * 1024;

/** Errors: `conflict` when it does not run, `container.ps` for arguments that ps does not take. */
export async function topOf(
  context: ViewContext,
  container: Container,
  psArguments: string,
): Promise<ProcessTable> {
  refuseRestarting(container);
  if (!isAlive(container.state)) throw notRunningError(container.id);
  const pids = listCgroupProcesses(context.facts.cgroup, cgroupOf(context, container.id));
  const wanted = psArguments.trim() === "" ? defaultArguments : psArguments.trim();
  const table =
    wanted === defaultArguments
      ? processTable(seen(pids), bootMs(), nowMs())
      : await meetingEnd(container, () => byPs(wanted, new Set(pids)));
  tellEvent(context, container, "top");
  return table;
}

function seen(pids: readonly number[]): SeenProcess[] {
  const names = new Map(parsePasswd(hostAccounts()).map(({ uid, name }) => [uid, name]));
  return pids.flatMap((pid) => {
    const stat = parseStat(readTextIfPossible(`/proc/${pid}/stat`) ?? "");
    const status = parseStatus(readTextIfPossible(`/proc/${pid}/status`) ?? "");
    const uid = Number(status.get("Uid")?.split("\t")[1] ?? Number.NaN);
    if (stat === undefined || Number.isNaN(uid)) return [];
    const command = (readTextIfPossible(`/proc/${pid}/cmdline`) ?? "").replace(/\0+$/, "").split("\0");
    return [{ stat, user: names.get(uid) ?? String(uid), command: command.join("") === "" ? [] : command }];
  });
}

function hostAccounts(): Uint8Array {
  return new TextEncoder().encode(readTextIfPossible("/etc/passwd") ?? "");
}

function bootMs(): number {
  const line = /^btime (\d+)$/m.exec(readTextIfPossible("/proc/stat") ?? "");
  return Number(line?.[1] ?? 0) * 1000;
}

async function byPs(words: string, pids: ReadonlySet<number>): Promise<ProcessTable> {
  const { output, exitCode } = await runPs(words.split(/\s+/));
  if (exitCode !== 0) throw psError(`ps: ${output.trim().split("\n")[0] ?? ""}`);
  return rowsOfPs(output, pids) ?? raise(psError("Couldn't find PID field in ps output"));
}

function raise(error: Error): never {
  throw error;
}

function psError(text: string): TiffinError {
  return new TiffinError("invalid", "container.ps", text);
}

async function runPs(
  words: readonly string[],
): Promise<{ readonly output: string; readonly exitCode: number }> {
  const running = startPs(words, searchPath);
  if (running === undefined) {
    throw new TiffinError(
      "unavailable",
      "container.no-ps",
      "the host has no program ps to take these arguments",
      { remedy: "ask without arguments, or install procps" },
    );
  }
  const output = await readAll(running.output.take());
  // Its output has ended, so it has, or is about to.
  const ended = reapChild(running.pid, { block: true });
  return { output, exitCode: typeof ended === "object" ? exitCodeOf(ended) : 1 };
}

async function readAll(fd: number): Promise<string> {
  const stream = await connectDuplex({ fd });
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.listen({
    data(piece) {
      bytes += piece.length;
      if (bytes > outputLimitBytes) stream.destroy();
      else pieces.push(new Uint8Array(piece));
    },
    end: () => stream.destroy(),
    close: () => resolve(),
  });
  await promise;
  return Buffer.concat(pieces).toString();
}
