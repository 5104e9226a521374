/**
 * Everything that a command may touch outside its own memory. The program hands in an implementation made from system
 * calls (`process-io.ts` builds most of it); tests hand in one made of arrays. Nothing in this folder uses `process`.
 */
import type { Endpoint } from "../client/endpoint.ts";
import type { FileDetails } from "../client/pack-host.ts";
import type { ConnectSync, SyncSocket } from "../client/sync-socket.ts";
import type { ClientTransport } from "../client/transport.ts";
import type { NamedDirectories } from "../docker/types/build.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import type { Observer } from "./observer.ts";

/** poll(2) event bits. */
export const pollIn = 1;
export const pollOut = 4;

export type PollOutcome = "ready" | "timeout" | "interrupted";

const epipe = 32;

/** A failed system call in the shape of Node's errors, as far as this program looks at them. */
export class DescriptorError extends Error {
  override readonly name = "DescriptorError";
  readonly code: string;

  constructor(call: string, fd: number, errno: number) {
    super(`${call} on descriptor ${fd} failed with errno ${errno}`);
    this.code = errno === epipe ? "EPIPE" : `E${errno}`;
  }
}

/** A command that runs elsewhere than its caller wants something that only the caller has. */
export class CallerNeeded extends Error {
  override readonly name = "CallerNeeded";

  constructor(what: string) {
    super(`only the caller has ${what}`);
  }
}

/** An engine that is reached without a connection. */
export interface EngineAtHand {
  /** Throws `CallerNeeded` for any other engine. */
  transport(endpoint: Endpoint): ClientTransport<SyncSocket>;
  parallel(endpoint: Endpoint): ClientTransport<ByteDuplex>;
}

/** poll(2) on a fixed table of descriptors, one wait at a time. */
export interface PollTable {
  /** Watches `fd` for `events` at `index`; undefined leaves the entry out. */
  set(index: number, fd: number | undefined, events: number): void;
  /** Blocks up to `timeoutMs` (undefined: for ever). `interrupted`: a signal handler ran. */
  wait(timeoutMs?: number): PollOutcome | Promise<PollOutcome>;
  /** What happened at `index` in the last wait; errors and hang-ups count as happening. */
  events(index: number): number;
}

export interface WindowSize {
  readonly rows: number;
  readonly columns: number;
}

export type PathKind = "missing" | "file" | "directory" | "device" | "irregular";

export interface BegunFile extends Disposable {
  write(bytes: Uint8Array): void;
  finish(): void;
}

export type StandardFd = 0 | 1 | 2;

/** A file that is read in pieces. */
export interface OpenFile extends Disposable {
  /** How many bytes were read; 0 at the end. */
  read(into: Uint8Array): number;
}

export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Where relative paths start. */
  readonly cwd: string;
  /** All of it, blocking. Throws an error with `code` EPIPE when nobody reads. */
  write(fd: 1 | 2, chunk: Uint8Array | string): void;
  /** One write(2): how many bytes were taken, 0 when the descriptor is non-blocking and full. */
  writeSome(fd: 1 | 2, chunk: Uint8Array): number;
  /** One read(2) of standard input: 0 at the end, undefined when nothing is there yet. */
  readInput(into: Uint8Array): number | undefined;
  isTerminal(fd: StandardFd): boolean;
  /** Undefined when `fd` is no terminal. */
  windowSize(fd: StandardFd): WindowSize | undefined;
  /** Standard input stops echoing, editing and making signals until the returned function is called. */
  makeRaw(): () => void;
  /** Calls `handler` with names such as `SIGINT` until the returned function is called. */
  onSignals(names: readonly string[], handler: (name: string) => void): () => void;
  /**
   * The descriptor that becomes readable when a signal waits to be handled, for poll tables; undefined when
   * there is none, and then waits must be short.
   */
  signalFd(): number | undefined;
  /** Lets the handlers of signals that have arrived run. */
  yieldToSignals(): Promise<void>;
  newPollTable(length: number): PollTable;
  readonly connect: ConnectSync;
  /** Where commands run in the engine's own process. */
  readonly engineAtHand?: EngineAtHand;
  /** Told when something has been done that must not be done again. */
  begun?(): void;
  /** What to say, and to exit with, should this command's own way to the engine end. */
  whenLost?(text: string, exitCode: number): void;
  /** The last that a command does: resolves when all output is written; throws what writing it has failed with. */
  leave?(exitCode: number): Promise<void>;
  /** Makes sure that the engine runs when `where` is the default address; otherwise throws. */
  ensureEngine(where: string): Promise<void>;
  /** A connection to an engine that is not behind a unix socket of this machine. */
  dialOut(endpoint: Endpoint): Promise<SyncSocket>;
  /** Whether there is anything of that name. */
  isThere(path: string): boolean;
  /** Whole file; throws an error with the errno name as `code`. */
  readFile(path: string): Uint8Array;
  /** To be read; throws an error with the errno name as `code`. */
  openFile(path: string): OpenFile;
  /** An empty file for its owner alone. Fails with EEXIST rather than overwrite. */
  createFile(path: string): void;
  /** Writes into a file that is there. */
  fillFile(path: string, text: string): void;
  /** With its parents, if it is not there. */
  makeDirectory(path: string, mode: number): void;
  /** Runs a program to its end with `input` on its standard input. Throws when there is no such program. */
  runProgram(words: readonly string[], input: string): { readonly exitCode: number; readonly stdout: string };
  removeFile(path: string): void;
  /** In order; undefined for a directory that is not there. */
  directoryNames(path: string): readonly string[] | undefined;
  /** With what is in it, whether it is there or not. */
  removeDirectory(path: string): void;
  /** What a path leads to, links followed. */
  pathKind(path: string): PathKind;
  /** Before files of the caller's are used by other ways than these. Throws `CallerNeeded` where that would be another's files. */
  callerOnly?(what: string): void;
  /** Where the caller is another process: a directory of the caller's as an engine is told of it. */
  namedDirectory?(path: string, name: string): NamedDirectories | undefined;
  /** A new file for its owner alone that takes its place at `path` when it is finished, and is gone when it is not. */
  beginFile(path: string): BegunFile;
  nowMs(): number;
  /** This process. */
  readonly processId: number;
  /** What files have beside their bytes, loaded when a command wants it; undefined where nobody can tell. */
  readonly fileDetails?: (() => Promise<FileDetails>) | undefined;
  /** What looks at the machine, loaded when a command wants it. */
  observer(): Promise<Observer>;
}
