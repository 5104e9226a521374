/** One container of the hand-written plan with an attach client: what most tests of the executor need. */
import type { EncodableOp } from "../../src/abi/encode.ts";
import type { SupervisorRecord } from "../../src/abi/record.ts";
import { attachFlags } from "../../src/abi/schema.ts";
import { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { socketPair } from "../../src/kernel/socket-pair.ts";
import { cString, syscall } from "../../src/kernel/syscall.ts";
import {
  Controller,
  Executor,
  makeRecord,
  makeRootfs,
  openPath,
  readAll,
  readSome,
  Scratch,
  unframe,
} from "./harness.ts";
import { type ContainerOptions, containerPlan } from "./plans.ts";

const directoryFlag = 0o200000;
const allStreams = attachFlags.stdin | attachFlags.stdout | attachFlags.stderr;

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** As wait(2) gives it. */
  readonly waitStatus: number;
  readonly oomKilled: boolean;
}

export class Session implements Disposable {
  readonly scratch = new Scratch();
  readonly lower: string;
  readonly executor: Executor;
  readonly logDirectory: string;
  /** Our end of the first attach client; slot 2 of the plan is the other one. */
  readonly client: OwnedFd;
  readonly #theirs: OwnedFd;
  readonly #record: { readonly fd: OwnedFd; read(): SupervisorRecord };
  readonly #logs: OwnedFd;
  pid = 0;

  /** With `logDirectory` of an earlier session it is a later start of the same container. */
  constructor(logDirectory?: string) {
    this.lower = makeRootfs(this.scratch);
    this.executor = new Executor(this.scratch);
    this.logDirectory = logDirectory ?? this.scratch.directory("logs");
    this.#logs = openPath(this.logDirectory, directoryFlag);
    this.#record = makeRecord(this.scratch);
    [this.client, this.#theirs] = socketPair("attach");
  }

  get record(): SupervisorRecord {
    return this.#record.read();
  }

  plan(options: ContainerOptions): EncodableOp[] {
    return containerPlan(this.scratch, this.lower, {
      clients: [{ slot: 2, flags: allStreams }],
      stdinOnce: true,
      ...options,
    });
  }

  /** Sends the plan; the verdict is the next message of the controller. */
  begin(options: ContainerOptions | readonly EncodableOp[], more: readonly OwnedFd[] = []): void {
    const ops = "arguments" in options ? this.plan(options) : options;
    this.executor.start(ops, [this.#logs, this.#record.fd, this.#theirs, ...more]);
    this.#theirs[Symbol.dispose]();
  }

  /** The same with bytes that need not be a plan. */
  beginBytes(bytes: Uint8Array): void {
    this.executor.startBytes(bytes, [this.#logs, this.#record.fd, this.#theirs]);
    this.#theirs[Symbol.dispose]();
  }

  /** The same until STARTED. */
  start(options: ContainerOptions | readonly EncodableOp[], more: readonly OwnedFd[] = []): void {
    this.begin(options, more);
    this.pid = this.executor.controller.expect("started").fields.pid;
  }

  /** The payload of the next frame of the first client. */
  readFrame(): string {
    const head = readSome(this.client, 20_000, 8);
    if (head.length < 8) throw new Error("the attach client has ended");
    const length = new DataView(head.buffer).getUint32(4, false);
    return new TextDecoder().decode(readSome(this.client, 20_000, length));
  }

  /** Reads everything to the end of the container and of its executor. */
  finish(): Ended {
    const bytes = readAll(this.client);
    const { waitStatus, oomKilled } = this.executor.controller.expect("exited").fields;
    this.executor.reap();
    return { ...unframe(bytes), waitStatus, oomKilled: oomKilled === 1 };
  }

  /** The same for a container that nobody was attached to. */
  finishWithoutClient(): void {
    this.executor.controller.expect("exited");
    this.executor.reap();
  }

  /** The other end of `client`, for a plan that is handed over by hand. */
  get theirs(): OwnedFd {
    return this.#theirs;
  }

  get recordFd(): OwnedFd {
    return this.#record.fd;
  }

  /** A small tmpfs that is taken off again at disposal. */
  mountTmpfs(size: string): { readonly path: string } & Disposable {
    const path = this.scratch.directory("tmpfs");
    const lazily = 2;
    syscall("mount", path, cString("tmpfs"), cString(path), cString("tmpfs"), 0, cString(`size=${size}`));
    return { path, [Symbol.dispose]: () => void syscall("umount2", path, cString(path), lazily) };
  }

  [Symbol.dispose](): void {
    this.executor[Symbol.dispose]();
    for (const fd of [this.client, this.#theirs, this.#logs, this.#record.fd]) fd[Symbol.dispose]();
    this.scratch[Symbol.dispose]();
  }
}

/** Runs a shell script as the container's main process to its end. */
export function runScript(script: string, options: Partial<ContainerOptions> = {}): Ended {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", script], ...options });
  return session.finish();
}

/** A shell script with a terminal, started; its bytes come and go raw over `client`. */
export function runTerminal(script: string, init?: "early" | "late"): Session {
  const session = new Session();
  try {
    session.start({
      arguments: ["sh", "-c", script],
      terminal: true,
      init: init === "early",
      extra: init === "late" ? [{ op: "init", stage: "child", fields: {} }] : [],
    });
    return session;
  } catch (thrown) {
    session[Symbol.dispose]();
    throw thrown;
  }
}

/** A new control connection through a listener. */
export function connectTo(socketPath: string): Controller {
  const unix = 1;
  const stream = 0o2000001;
  const fd = new OwnedFd(syscall("socket", "client", unix, stream, 0), "client");
  const path = cString(socketPath);
  const address = new Uint8Array(2 + path.length);
  new DataView(address.buffer).setUint16(0, unix, true);
  address.set(path, 2);
  syscall("connect", "client", fd.raw, address, address.length);
  return new Controller(fd);
}
