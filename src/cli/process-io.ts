/**
 * `CliIo` for this process. The hot path of a command must load neither `process.stdout` (12 ms) nor `node:fs` (nearly
 * 2 ms), so descriptors are read and written by system calls that come in as `KernelDoors`; `node:fs` is fetched when
 * a command really opens files.
 */
import type { ConnectSync } from "../client/sync-socket.ts";
import { nowMs } from "../lib/clock.ts";
import {
  type BegunFile,
  type CliIo,
  DescriptorError,
  type OpenFile,
  type PathKind,
  type PollOutcome,
  type PollTable,
  pollOut,
  type StandardFd,
  type WindowSize,
} from "./io.ts";

/** System calls on the standard descriptors. Results are the kernel's: a count, or minus errno. */
export interface DescriptorDoors {
  write(fd: 1 | 2, bytes: Uint8Array): number;
  read(fd: 0, into: Uint8Array): number;
  /** Undefined when there is no such link. */
  readLink(path: string): string | undefined;
  isThere(path: string): boolean;
}

/** Signals that are being caught. */
export interface CaughtSignals {
  /** Becomes readable when one has come. */
  readonly fd: number;
  /** The names of those that have come since the last call. */
  take(): string[];
  /** From now on they do what they do by default. */
  release(): void;
}

interface BlockingPollTable extends PollTable {
  wait(timeoutMs?: number): PollOutcome;
}

/** What src/kernel can do and this folder cannot. */
export interface KernelDoors {
  readonly connect: ConnectSync;
  newPollTable(length: number): BlockingPollTable;
  isTerminal(fd: StandardFd): boolean;
  windowSize(fd: StandardFd): WindowSize | undefined;
  makeRaw(fd: 0): () => void;
  /** Without them `node:fs` is loaded at the first byte. */
  readonly descriptors?: DescriptorDoors;
  /** Without it signals go through Bun's event loop, whose set-up takes a millisecond. */
  catchSignals?(names: readonly string[]): CaughtSignals;
  /** Gives a file that was opened without a name its first one. Without it files are written under a name. */
  nameFile?(fd: number, path: string): void;
}

export interface ProcessIoOptions {
  readonly doors: KernelDoors;
  readonly version: string;
  ensureEngine(where: string): Promise<void>;
  runProgram: CliIo["runProgram"];
  dialOut: CliIo["dialOut"];
  observer: CliIo["observer"];
  fileDetails?: CliIo["fileDetails"];
}

const encoder = new TextEncoder();
/** Bun opens its event loop among the first descriptors. */
const lastSearchedFd = 63;
const eintr = 4;
const eio = 5;
const ebadf = 9;
const eagain = 11;

function fileSystem(): typeof import("node:fs") {
  return process.getBuiltinModule("node:fs");
}

/** The same three calls through `node:fs`. */
function descriptorsByNode(): DescriptorDoors {
  const { existsSync, readlinkSync, readSync, writeSync } = fileSystem();
  const result = (call: () => number): number => {
    try {
      return call();
    } catch (thrown) {
      const errno = thrown instanceof Error && "errno" in thrown ? thrown.errno : undefined;
      if (typeof errno === "number") return -Math.abs(errno);
      throw thrown;
    }
  };
  return {
    write: (fd, bytes) => result(() => writeSync(fd, bytes)),
    read: (fd, into) => result(() => readSync(fd, into)),
    readLink(path) {
      try {
        return readlinkSync(path);
      } catch {
        return undefined;
      }
    },
    isThere: existsSync,
  };
}

/**
 * The epoll descriptor of Bun's event loop. A signal handler in Bun queues the signal and wakes the loop through it, so
 * polling it beside other descriptors misses no signal, however it falls between two system calls.
 */
function findEventLoop(doors: DescriptorDoors): number | undefined {
  for (let fd = 3; fd <= lastSearchedFd; fd += 1) {
    if (doors.readLink(`/proc/self/fd/${fd}`) === "anon_inode:[eventpoll]") return fd;
  }
  return undefined;
}

function pathKind(path: string): PathKind {
  const status = fileSystem().statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return "missing";
  if (status.isFile()) return "file";
  if (status.isDirectory()) return "directory";
  return status.isBlockDevice() || status.isCharacterDevice() ? "device" : "irregular";
}

function directoryNames(path: string): readonly string[] | undefined {
  if (pathKind(path) !== "directory") return undefined;
  return fileSystem().readdirSync(path).sort();
}

/** __O_TMPFILE: the same on every machine; O_TMPFILE is this and O_DIRECTORY. */
const unnamedFlag = 0o20_000_000;

/**
 * A file of `directory` that has no name yet, so that whatever ends this program in the middle leaves nothing of it; undefined
 * on file systems that have none.
 */
function openUnnamed(directory: string): number | undefined {
  const { constants, existsSync, openSync } = fileSystem();
  // It is by this that it gets its name.
  if (!existsSync("/proc/self/fd")) return undefined;
  try {
    return openSync(directory, unnamedFlag | constants.O_DIRECTORY | constants.O_WRONLY, 0o600);
  } catch {
    // A directory that cannot be written to says so of the named file too.
    return undefined;
  }
}

function beginFile(path: string, { nameFile }: KernelDoors): BegunFile {
  const { closeSync, openSync, renameSync, rmSync, writeSync } = fileSystem();
  const place = path.replace(/\/+$/, "");
  const begun = `${place}.part-${process.pid}`;
  const slash = place.lastIndexOf("/");
  const unnamed =
    nameFile === undefined ? undefined : openUnnamed(slash === -1 ? "." : place.slice(0, slash) || "/");
  const fd = unnamed ?? openSync(begun, "wx", 0o600);
  let hasName = unnamed === undefined;
  return {
    write(bytes) {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    },
    finish() {
      if (!hasName) nameFile?.(fd, begun);
      hasName = true;
      renameSync(begun, path);
      hasName = false;
    },
    [Symbol.dispose]() {
      closeSync(fd);
      if (hasName) rmSync(begun, { force: true });
    },
  };
}

function openAt(path: string): OpenFile {
  const { closeSync, openSync, readSync } = fileSystem();
  const fd = openSync(path, "r");
  return {
    read: (into) => readSync(fd, into),
    [Symbol.dispose]: () => closeSync(fd),
  };
}

/** Builds the io of a command that runs in this process. */
export function processIo(options: ProcessIoOptions): CliIo {
  const { doors, version, ensureEngine } = options;
  let caught: { readonly source: CaughtSignals; readonly handler: (name: string) => void } | undefined;
  let chosen = doors.descriptors;
  const descriptors = (): DescriptorDoors => {
    chosen ??= descriptorsByNode();
    return chosen;
  };
  const writeSome = (fd: 1 | 2, chunk: Uint8Array): number => {
    const taken = descriptors().write(fd, chunk);
    if (taken >= 0) return taken;
    if (taken === -eagain || taken === -eintr) return 0;
    throw new DescriptorError("write", fd, -taken);
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
      const got = descriptors().read(0, into);
      if (got >= 0) return got;
      if (got === -eagain || got === -eintr) return undefined;
      // A terminal that has hung up, or no descriptor at all: nothing will come.
      if (got === -eio || got === -ebadf) return 0;
      throw new DescriptorError("read", 0, -got);
    },
    isTerminal: (fd) => doors.isTerminal(fd),
    windowSize: (fd) => doors.windowSize(fd),
    makeRaw: () => doors.makeRaw(0),
    onSignals(names, handler) {
      const source = doors.catchSignals?.(names);
      if (source !== undefined) {
        caught = { source, handler };
        return () => {
          caught = undefined;
          source.release();
        };
      }
      const listener = (name: string): void => handler(name);
      for (const name of names) process.on(name, listener);
      return () => {
        for (const name of names) process.off(name, listener);
      };
    },
    signalFd() {
      if (caught !== undefined) return caught.source.fd;
      eventLoop ??= { fd: findEventLoop(descriptors()) };
      return eventLoop.fd;
    },
    yieldToSignals() {
      if (caught === undefined) return new Promise((resolve) => setImmediate(resolve));
      for (const name of caught.source.take()) caught.handler(name);
      return Promise.resolve();
    },
    newPollTable: (length) => doors.newPollTable(length),
    connect: doors.connect,
    ensureEngine,
    dialOut: options.dialOut,
    isThere: (path) => descriptors().isThere(path),
    readFile: (path) => fileSystem().readFileSync(path),
    openFile: openAt,
    makeDirectory: (path, mode) => {
      fileSystem().mkdirSync(path, { recursive: true, mode });
    },
    runProgram: options.runProgram,
    observer: options.observer,
    fileDetails: options.fileDetails,
    get processId() {
      return process.pid;
    },
    createFile(path) {
      fileSystem().writeFileSync(path, "", { flag: "wx", mode: 0o600 });
    },
    fillFile: (path, text) => fileSystem().writeFileSync(path, text, { flag: "r+" }),
    removeFile: (path) => fileSystem().rmSync(path, { force: true }),
    directoryNames,
    removeDirectory: (path) => fileSystem().rmSync(path, { recursive: true, force: true }),
    pathKind,
    beginFile: (path) => beginFile(path, doors),
    nowMs,
  };
}
