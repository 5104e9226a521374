/**
 * `CliIo` for this process. Descriptors are written with write(2) itself: touching `process.stdout` would cost 12 ms
 * of start. What needs system calls that Bun does not offer comes in as `KernelDoors`.
 */
import { closeSync, openSync, readFileSync, readlinkSync, readSync, unlinkSync, writeSync } from "node:fs";
import type { ConnectSync } from "../client/sync-socket.ts";
import { nowMs } from "../lib/clock.ts";
import { type CliIo, type PollTable, pollOut, type StandardFd, type WindowSize } from "./io.ts";

/** What src/kernel can do and this folder cannot. */
export interface KernelDoors {
  readonly connect: ConnectSync;
  newPollTable(length: number): PollTable;
  isTerminal(fd: StandardFd): boolean;
  windowSize(fd: StandardFd): WindowSize | undefined;
  makeRaw(fd: 0): () => void;
}

export interface ProcessIoOptions {
  readonly doors: KernelDoors;
  readonly version: string;
  ensureEngine(where: string): Promise<void>;
}

const encoder = new TextEncoder();
/** Bun opens its event loop among the first descriptors. */
const lastSearchedFd = 63;

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
}

/**
 * The epoll descriptor of Bun's event loop. A signal handler in Bun queues the signal and wakes the loop through it, so
 * polling it beside other descriptors misses no signal, however it falls between two system calls.
 */
function findEventLoop(): number | undefined {
  for (let fd = 3; fd <= lastSearchedFd; fd += 1) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) === "anon_inode:[eventpoll]") return fd;
    } catch {
      // Not open.
    }
  }
  return undefined;
}

/** Builds the io of a command that runs in this process. */
export function processIo(options: ProcessIoOptions): CliIo {
  const { doors, version, ensureEngine } = options;
  const writeSome = (fd: 1 | 2, chunk: Uint8Array): number => {
    try {
      return writeSync(fd, chunk);
    } catch (thrown) {
      if (codeOf(thrown) === "EAGAIN" || codeOf(thrown) === "EINTR") return 0;
      throw thrown;
    }
  };
  const write = (fd: 1 | 2, chunk: Uint8Array | string): void => {
    let rest = typeof chunk === "string" ? encoder.encode(chunk) : chunk;
    while (rest.length > 0) {
      const taken = writeSome(fd, rest);
      rest = rest.subarray(taken);
      if (taken > 0) continue;
      const table = doors.newPollTable(1);
      table.set(0, fd, pollOut);
      table.wait();
    }
  };
  let eventLoop: { readonly fd: number | undefined } | undefined;
  return {
    env: process.env,
    version,
    get cwd() {
      return process.cwd();
    },
    write,
    writeSome,
    readInput(into) {
      try {
        return readSync(0, into);
      } catch (thrown) {
        const code = codeOf(thrown);
        if (code === "EAGAIN" || code === "EINTR") return undefined;
        // A terminal that has hung up, or no descriptor at all: nothing will come.
        if (code === "EIO" || code === "EBADF") return 0;
        throw thrown;
      }
    },
    isTerminal: (fd) => doors.isTerminal(fd),
    windowSize: (fd) => doors.windowSize(fd),
    makeRaw: () => doors.makeRaw(0),
    onSignals(names, handler) {
      const listener = (name: string): void => handler(name);
      for (const name of names) process.on(name, listener);
      return () => {
        for (const name of names) process.off(name, listener);
      };
    },
    signalFd() {
      eventLoop ??= { fd: findEventLoop() };
      return eventLoop.fd;
    },
    yieldToSignals: () => new Promise((resolve) => setImmediate(resolve)),
    newPollTable: (length) => doors.newPollTable(length),
    connect: doors.connect,
    ensureEngine,
    readFile: (path) => readFileSync(path),
    createFile(path, text) {
      const fd = openSync(path, "wx", 0o600);
      try {
        writeSync(fd, text);
      } finally {
        closeSync(fd);
      }
    },
    removeFile: (path) => unlinkSync(path),
    nowMs,
  };
}
