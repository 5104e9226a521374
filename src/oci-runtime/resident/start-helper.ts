/** Starting a helper on demand: after a command that had to do without. Costs 2 to 3 ms of that command, once. */
import { front, helper } from "../../abi/front.ts";
import { makeDirectory, openFile, openFlags } from "../../kernel/files.ts";
import { becomeOrdinary } from "../../kernel/process-limits.ts";
import { spawn } from "../../kernel/spawn.ts";
import { SyscallError, trySyscall } from "../../kernel/syscall.ts";
import { connectUnix } from "../../kernel/unix-stream.ts";
import type { RuntimeHost } from "../host/host.ts";
import { isAtHome } from "./likeness.ts";
import { helperDirectory, helperName, helperWord, ownProgram, stateDirectory } from "./place.ts";

const privateDirectory = 0o700;
const lockExclusive = 2;
const lockNoWait = 4;
/** Where the new helper has the lock. */
export const lockFd = 3;

/** Starts a helper unless there is one, this caller does not want one, or it would be out of place. Never throws. */
export function startHelper(host: RuntimeHost): void {
  const wish = host.env[helper.variable];
  if (wish === helper.off || host.uid !== 0 || !isAtHome()) return;
  try {
    start(wish);
  } catch (thrown) {
    // A read-only /run, say. The command was done without a helper, and so will be the next.
    if (!(thrown instanceof SyscallError)) throw thrown;
  }
}

function start(wish: string | undefined): void {
  makeDirectory(stateDirectory, privateDirectory);
  makeDirectory(helperDirectory, privateDirectory);
  using lock = openFile(undefined, helperDirectory, openFlags.readOnly | openFlags.directory);
  // Held from here until a helper listens: of many commands that miss it, one starts it.
  if (trySyscall("flock", lock.raw, lockExclusive | lockNoWait) !== 0) return;
  if (isListening(`${helperDirectory}/${helperName()}`)) return;
  // Whoever called may be slow, on few processors or short of time; those whom it will serve are not.
  if (!becomeOrdinary()) return;
  spawn({
    executable: ownProgram,
    argv: [front.programName, helperWord, wish ?? ""],
    env: [`${helper.variable}=${helper.off}`],
    fds: [[lock, lockFd]],
    cwd: "/",
    newSession: true,
  });
}

/** Whether anybody listens at the socket `path`. */
export function isListening(path: string): boolean {
  try {
    connectUnix(path, { wait: false })[Symbol.dispose]();
    return true;
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    return thrown.code === "EAGAIN";
  }
}
