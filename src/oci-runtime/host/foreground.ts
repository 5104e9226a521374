/**
 * The caller of `run` or `exec` stays until the program ends: signals go on to the program, and with a terminal,
 * bytes go both ways. One blocking loop over descriptors; the event loop takes no part.
 */
import { readAvailable, writeAll } from "../../kernel/io.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import { exitCodeOf, openPidfd, reapChild, signalPidfd } from "../../kernel/pidfd.ts";
import { PollSet, pollError, pollHangup, pollIn, pollOut } from "../../kernel/poll.ts";
import { catchSignals } from "../../kernel/signal-pipe.ts";
import { SyscallError, syscall, trySyscall } from "../../kernel/syscall.ts";
import { isTerminal, makeRaw, restoreTerminal, setWindowSize, windowSize } from "../../kernel/tty.ts";
import { prctlOptions } from "../../linux/prctl.ts";
import { signalNumbers } from "../../linux/signals.ts";
import { foregroundSignals } from "./foreground-signals.ts";

const chunkBytes = 64 * 1024;
const fGetfl = 3;
const fSetfl = 4;
const nonBlocking = 0o4000;
const gone = pollHangup | pollError;
const entries = { process: 0, signals: 1, master: 2, input: 3 } as const;

/**
 * To be called before the launch: orphans of the executor become our children, and a signal that comes before the
 * program does is kept for it.
 */
export function enterForeground(): OwnedFd {
  syscall("prctl", "child subreaper", prctlOptions.setChildSubreaper, 1, 0, 0, 0);
  return catchSignals([...foregroundSignals, signalNumbers.SIGWINCH]);
}

/**
 * Waits for our child `pid` and returns its exit code, 128 + n after a signal. Takes the terminal over; `signals` is
 * what `enterForeground` has returned.
 */
export function serveForeground(pid: number, terminal: OwnedFd | undefined, signals: OwnedFd): number {
  using master = terminal;
  const pidfd = openPidfd(pid);
  if (pidfd === undefined) return codeOf(pid);
  using process = pidfd;
  const raw = master !== undefined && isTerminal(0) ? makeRaw(0) : undefined;
  try {
    if (master === undefined) waitFor(process, signals);
    else serveTerminal(process, master, signals);
  } finally {
    if (raw !== undefined) restoreTerminal(0, raw);
  }
  return codeOf(pid);
}

function codeOf(pid: number): number {
  const end = reapChild(pid, { block: true });
  // Somebody else has waited for it: that it ended is all we know.
  return end === "gone" || end === "running" ? 255 : exitCodeOf(end);
}

function passSignals(signals: OwnedFd, process: OwnedFd, onResize: () => void): void {
  const numbers = new Uint8Array(64);
  const count = readAvailable(signals, numbers) ?? 0;
  for (const number of numbers.subarray(0, count)) {
    if (number === signalNumbers.SIGWINCH) onResize();
    else signalPidfd(process, number);
  }
}

function waitFor(process: OwnedFd, signals: OwnedFd): void {
  const both = new PollSet(2);
  both.set(entries.process, process, pollIn);
  both.set(entries.signals, signals, pollIn);
  for (;;) {
    if (both.wait() === "interrupted") continue;
    if (both.events(entries.signals) !== 0) {
      passSignals(signals, process, () => signalPidfd(process, signalNumbers.SIGWINCH));
    }
    if (both.events(entries.process) !== 0) return;
  }
}

function serveTerminal(process: OwnedFd, master: OwnedFd, signals: OwnedFd): void {
  const resize = (): void => {
    const size = windowSize(0);
    if (size !== undefined) setWindowSize(master, size);
  };
  resize();
  syscall(
    "fcntl",
    master.what,
    master.raw,
    fSetfl,
    syscall("fcntl", master.what, master.raw, fGetfl) | nonBlocking,
  );
  const input = new OwnedFd(0, "standard input");
  const output = new OwnedFd(1, "standard output");
  const set = new PollSet(4);
  const buffer = new Uint8Array(chunkBytes);
  let pending: Uint8Array = new Uint8Array(0);
  let hasInput = true;
  set.set(entries.process, process, pollIn);
  set.set(entries.signals, signals, pollIn);
  for (;;) {
    set.set(entries.master, master, pollIn | (pending.length > 0 ? pollOut : 0));
    set.set(entries.input, hasInput && pending.length === 0 ? input : undefined, pollIn);
    if (set.wait() === "interrupted") continue;
    if (set.events(entries.signals) !== 0) passSignals(signals, process, resize);
    if (pending.length > 0 && (set.events(entries.master) & pollOut) !== 0)
      pending = writeSome(master, pending);
    if ((set.events(entries.input) & (pollIn | gone)) !== 0) {
      const got = readInput(input, buffer);
      if (got === 0) hasInput = false;
      else pending = writeSome(master, buffer.slice(0, got));
    }
    if ((set.events(entries.master) & (pollIn | gone)) !== 0 && !copyOutput(master, output, buffer)) {
      // Every descriptor of the other end is closed: only the end of the program is left to wait for.
      waitFor(process, signals);
      return;
    }
    if (set.events(entries.process) !== 0) {
      while (copyOutput(master, output, buffer) && hasMore(master)) {}
      return;
    }
  }
}

function readInput(input: OwnedFd, buffer: Uint8Array): number {
  const got = trySyscall("read", input.raw, buffer, buffer.length);
  return Math.max(got, 0);
}

/** What the terminal did not take yet. */
function writeSome(master: OwnedFd, bytes: Uint8Array): Uint8Array {
  const taken = trySyscall("write", master.raw, bytes, bytes.length);
  return taken < 0 ? bytes : bytes.subarray(taken);
}

function hasMore(master: OwnedFd): boolean {
  const set = new PollSet(1);
  set.set(0, master, pollIn);
  return set.wait(0) === "ready" && (set.events(0) & pollIn) !== 0;
}

/** One read from the terminal to the output. False at its end. */
function copyOutput(master: OwnedFd, output: OwnedFd, buffer: Uint8Array): boolean {
  try {
    const got = readAvailable(master, buffer);
    if (got === undefined) return true;
    if (got === 0) return false;
    writeAll(output, buffer.subarray(0, got));
    return true;
  } catch (thrown) {
    // EIO is how a terminal says that its other end is closed.
    if (thrown instanceof SyscallError) return false;
    throw thrown;
  }
}
