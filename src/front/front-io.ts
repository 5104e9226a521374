/**
 * `CliIo` for a caller elsewhere: its front writes, reads, waits for signals and has the terminal; what only the caller can do, with
 * its files and programs, is not done here (`CallerNeeded`), and the caller does the whole command alone. Output is held back until
 * something has been done that must not be done twice.
 */
import {
  type BegunFile,
  CallerNeeded,
  type CliIo,
  DescriptorError,
  type EngineAtHand,
  type OpenFile,
  type PathKind,
  type PollTable,
  type StandardFd,
  type WindowSize,
} from "../cli/io.ts";
import { chooseEndpoint, type Endpoint } from "../client/endpoint.ts";
import { nowMs } from "../lib/clock.ts";
import { own } from "../lib/own.ts";
import { signalNumbers } from "../linux/signals.ts";
import type { HttpHandler, RequestCaller } from "../transport/http-message.ts";
import type { FrontFiles } from "./front-files.ts";
import type { FrontCommand, FrontLink } from "./front-link.ts";
import { type LocalEngine, LocalTransport } from "./local-transport.ts";
import { MemoryPollTable, Pollables } from "./poll-table.ts";

/** Numbers of what is no standard descriptor. */
const signalsNumber = 3;
const firstFree = 4;
/** One read of the front's. */
const inputBytes = 32 * 1024;

const encoder = new TextEncoder();

export interface FrontIoOptions {
  readonly version: string;
  readonly link: FrontLink;
  readonly command: FrontCommand;
  readonly windows: ReadonlyMap<StandardFd, WindowSize>;
  readonly handle: HttpHandler;
  /** The process that is the front. */
  readonly caller: RequestCaller | undefined;
  /** Undefined: whatever is in a file, only the caller may look at it. */
  readonly files: FrontFiles | undefined;
}

/** Thrown out of whatever a command waits for when nobody waits for the command. */
export class FrontGone extends Error {
  override readonly name = "FrontGone";
}

type HeldOutput = readonly [fd: 1 | 2, bytes: Uint8Array];

export class FrontIo implements CliIo, LocalEngine {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly cwd: string;
  readonly handle: HttpHandler;
  readonly caller: RequestCaller | undefined;
  readonly #files: FrontFiles | undefined;
  readonly pollables = new Pollables(firstFree);
  readonly #link: FrontLink;
  readonly #terminals: number;
  readonly #windows: Map<StandardFd, WindowSize>;
  readonly #abort = new AbortController();
  #held: HeldOutput[] | undefined = [];
  #needsCaller = false;
  #input: Uint8Array[] = [];
  #inputEnded = false;
  #inputWanted = false;
  #signals: number[] = [];
  #mask = 0n;
  #onSignal: ((number: number) => void) | undefined;
  readonly #failed = new Map<1 | 2, number>();
  /** Of these the one that the command has not heard of. */
  #untold: 1 | 2 | undefined;
  #leaving: { resolve(): void; reject(error: Error): void } | undefined;
  #drains: (() => void)[] = [];

  constructor(options: FrontIoOptions) {
    const { link, command, windows } = options;
    this.version = options.version;
    this.handle = options.handle;
    this.caller = options.caller;
    this.#files = options.files;
    this.env = command.env;
    this.cwd = command.cwd;
    this.#link = link;
    this.#terminals = command.terminals;
    this.#windows = new Map(windows);
    const io = this;
    this.pollables.set(0, {
      get isReadable() {
        return io.#input.length > 0 || io.#inputEnded;
      },
      isWritable: false,
      wanted: () => io.#askForInput(),
    });
    const output = {
      isReadable: false,
      // A failed one is ready, too: the next write says so.
      get isWritable() {
        return link.isWritable || io.#failed.size > 0;
      },
    };
    this.pollables.set(1, output);
    this.pollables.set(2, output);
    this.pollables.set(signalsNumber, {
      get isReadable() {
        // Whoever waits must hear that nobody reads what it has written.
        return io.#signals.length > 0 || io.#untold !== undefined;
      },
      isWritable: false,
    });
  }

  // What the front says.

  takeWindow(fd: StandardFd, size: WindowSize): void {
    this.#windows.set(fd, size);
  }

  takeSignal(number: number): void {
    this.#signals.push(number);
    this.#link.send("catchSignals", { signals: this.#mask });
    this.pollables.changed();
  }

  takeInput(bytes: Uint8Array): void {
    this.#inputWanted = false;
    if (bytes.length === 0) this.#inputEnded = true;
    else this.#input.push(bytes);
    this.pollables.changed();
  }

  takeFailure(fd: 1 | 2, errno: number): void {
    this.#failed.set(fd, errno);
    this.#untold ??= fd;
    this.#leaving?.reject(new DescriptorError("write", fd, errno));
    this.#leaving = undefined;
    this.takeDrain();
  }

  takeDrain(): void {
    for (const resolve of this.#drains.splice(0)) resolve();
    this.pollables.changed();
  }

  takeEnd(): void {
    const gone = new FrontGone("the front has gone");
    this.#abort.abort(gone);
    this.#leaving?.resolve();
    this.#leaving = undefined;
    this.pollables.fail(gone);
    this.takeDrain();
  }

  // How far the command has come.

  /** Nothing has been done, and nothing said: the caller can do the command alone. */
  get mustBeDoneAlone(): boolean {
    return this.#needsCaller && !this.hasBegun;
  }

  get hasBegun(): boolean {
    return this.#held === undefined;
  }

  begun(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const [fd, bytes] of held) this.#link.output(fd, bytes);
  }

  checkMayBegin(): void {
    if (this.mustBeDoneAlone) throw new CallerNeeded("the caller's files");
  }

  whenLost(text: string, code: number): void {
    this.#link.whenLost(code, encoder.encode(text));
  }

  async leave(code: number): Promise<void> {
    if (this.mustBeDoneAlone) return;
    this.begun();
    if (this.#abort.signal.aborted) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#leaving = { resolve, reject };
    this.#link.send("leave", { code, anyway: this.#failed.size > 0 ? 1 : 0 });
    await promise;
  }

  // What a command may ask for.

  get engineAtHand(): EngineAtHand {
    const transport = (endpoint: Endpoint): LocalTransport => {
      // Only the socket beside which the front has found us is known to be ours.
      if (endpoint.text !== chooseEndpoint(undefined, this.env).text) this.#caller("another engine");
      return new LocalTransport(this);
    };
    return {
      transport,
      parallel: (endpoint) => {
        const local = transport(endpoint);
        return {
          request: (spec) => local.request(spec),
          stream: (spec) => local.stream(spec),
          beginUpgrade: () => this.#caller("a connection of its own"),
          close: () => local.close(),
        };
      },
    };
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  async drained(): Promise<void> {
    while (!this.#link.isWritable && !this.#abort.signal.aborted && this.#failed.size === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#drains.push(resolve);
      await promise;
    }
    this.#abort.signal.throwIfAborted();
  }

  write(fd: 1 | 2, chunk: Uint8Array | string): void {
    this.#abort.signal.throwIfAborted();
    this.#tellFailure(fd);
    const bytes = typeof chunk === "string" ? encoder.encode(chunk) : chunk;
    if (this.#held === undefined) this.#link.output(fd, bytes);
    else this.#held.push([fd, bytes.slice()]);
  }

  writeSome(fd: 1 | 2, chunk: Uint8Array): number {
    if (!this.#link.isWritable && !this.#failed.has(fd)) return 0;
    this.write(fd, chunk);
    return chunk.length;
  }

  readInput(into: Uint8Array): number | undefined {
    const head = this.#input[0];
    if (head === undefined) {
      if (this.#inputEnded) return 0;
      // Whoever polls has asked before; whoever does not would read for ever.
      return this.#inputWanted ? undefined : this.#caller("standard input");
    }
    const taken = head.subarray(0, into.length);
    into.set(taken);
    if (taken.length === head.length) this.#input.shift();
    else this.#input[0] = head.subarray(taken.length);
    return taken.length;
  }

  isTerminal(fd: StandardFd): boolean {
    return (this.#terminals & (1 << fd)) !== 0;
  }

  windowSize(fd: StandardFd): WindowSize | undefined {
    const size = this.#windows.get(fd);
    return size === undefined || (size.rows === 0 && size.columns === 0) ? undefined : size;
  }

  makeRaw(): () => void {
    this.#link.send("rawInput", { on: 1 });
    return () => this.#link.send("rawInput", { on: 0 });
  }

  onSignals(names: readonly string[], handler: (name: string) => void): () => void {
    const table: Readonly<Record<string, number>> = signalNumbers;
    const nameOf = new Map(names.map((name) => [own(table, name) ?? 0, name]));
    nameOf.delete(0);
    let mask = 0n;
    for (const number of nameOf.keys()) mask |= 1n << BigInt(number - 1);
    this.#catch(mask);
    this.#onSignal = (number) => {
      const name = nameOf.get(number);
      if (name !== undefined) handler(name);
    };
    return () => {
      this.#onSignal = undefined;
      this.#catch(0n);
    };
  }

  signalFd(): number {
    return signalsNumber;
  }

  yieldToSignals(): Promise<void> {
    if (this.#untold !== undefined) this.#tellFailure(this.#untold);
    for (const number of this.#signals.splice(0)) this.#onSignal?.(number);
    return Promise.resolve();
  }

  newPollTable(): PollTable {
    return new MemoryPollTable(this.pollables);
  }

  nowMs(): number {
    return nowMs();
  }

  // Files of the caller's that can be looked at from here.

  readonly readFile = (path: string): Uint8Array => {
    const found = this.#files?.read(path) ?? "unknown";
    if (found === "unknown") return this.#caller("a file");
    if (found !== "missing") return found;
    throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: "ENOENT" });
  };

  readonly pathKind = (path: string): PathKind => {
    const found = this.#files?.status(path) ?? "unknown";
    if (found === "unknown") return this.#caller("a path");
    if (found === "missing") return "missing";
    const { type } = found;
    if (type === "file" || type === "directory") return type;
    return type === "block" || type === "character" ? "device" : "irregular";
  };

  readonly isThere = (path: string): boolean => this.pathKind(path) !== "missing";

  readonly namedDirectory: NonNullable<CliIo["namedDirectory"]> = (path, name) => {
    const found = this.#files?.directory(path) ?? "unknown";
    if (found === "unknown" || found === "missing") return this.#caller("a directory");
    const { bootId, device, inode } = found;
    return { Boot: bootId, Directories: { [name]: { Path: path, Device: device, Inode: inode } } };
  };

  callerOnly(what: string): void {
    this.#caller(what);
  }

  // What only the caller can do. Bound, as some of it is handed on by itself.

  readonly connect = (): never => this.#caller("a connection of its own");
  readonly ensureEngine = (): never => this.#caller("an engine");
  readonly openFile = (): OpenFile => this.#caller("a file");
  readonly createFile = (): never => this.#caller("a file");
  readonly fillFile = (): never => this.#caller("a file");
  readonly makeDirectory = (): never => this.#caller("a directory");
  readonly runProgram = (): never => this.#caller("a program");
  readonly removeFile = (): never => this.#caller("a file");
  readonly directoryNames = (): never => this.#caller("a directory");
  readonly removeDirectory = (): never => this.#caller("a directory");
  readonly dialOut = (): never => this.#caller("a way to another engine");
  readonly beginFile = (): BegunFile => this.#caller("a file");
  readonly observer = (): never => this.#caller("the machine as it sees it");
  get processId(): number {
    return this.#caller("its number");
  }

  #caller(what: string): never {
    this.#needsCaller = true;
    throw new CallerNeeded(what);
  }

  #tellFailure(fd: 1 | 2): void {
    const errno = this.#failed.get(fd);
    if (errno === undefined) return;
    this.#untold = undefined;
    throw new DescriptorError("write", fd, errno);
  }

  #catch(mask: bigint): void {
    if (mask === this.#mask) return;
    this.#mask = mask;
    this.#link.send("catchSignals", { signals: mask });
  }

  #askForInput(): void {
    if (this.#inputWanted || this.#inputEnded) return;
    this.#inputWanted = true;
    this.#link.send("readInput", { bytes: inputBytes });
  }
}
