/**
 * Executors that wait for a plan. Starting a process is the largest single cost of a launch that does not depend
 * on what is launched, so it happens ahead of need.
 *
 * A waiting executor holds one end of a socket pair as descriptor 3 and a listener socket named by its token; the
 * end of the pair (this engine closing it, or dying) makes it remove the socket and leave. The binary runs from a
 * sealed memfd: a container that reaches its executor through /proc cannot write to it, and neither a package
 * upgrade nor an unlink in mid-life matters.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { controlFd, executorName } from "../abi/schema.ts";
import { exists } from "../kernel/files.ts";
import { sealedMemfd } from "../kernel/memfd.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { socketPair } from "../kernel/socket-pair.ts";
import { spawn } from "../kernel/spawn.ts";
import { TiffinError } from "../lib/errors.ts";
import { randomHex } from "../lib/ids.ts";
import { after, type Timer } from "../lib/timer.ts";
import { connectDuplex } from "../transport/bun-duplex.ts";
import { ControlChannel } from "./control-channel.ts";
import { hasSocket, removeSocket } from "./listener-socket.ts";
import { reapSoon } from "./reaper.ts";

/** One executor that has not been given a plan. */
export interface WaitingExecutor {
  readonly token: string;
  readonly pid: number;
  readonly channel: ControlChannel;
  /** A second descriptor of the channel's socket, for the message that carries descriptors. Closed by the taker. */
  readonly socket: OwnedFd;
}

const tokenDigits = 16;
const privateMode = 0o700;
/** Long enough after a launch that the pool is not refilled while a short-lived container still ends. */
const refillPauseMs = 20;

export class ExecutorPool {
  readonly #sockets: string;
  readonly #source: Uint8Array | string;
  readonly #waiting: WaitingExecutor[] = [];
  /** Tokens of all executors that came from here and have not ended. */
  readonly #tokens = new Set<string>();
  #binary: OwnedFd | undefined;
  #wanted = 0;
  #starting = 0;
  #refill: Timer | undefined;
  #closed = false;

  /** `socketDirectory` is made if needed; `source` is the binary or its path. */
  constructor(socketDirectory: string, source: Uint8Array | string) {
    this.#sockets = socketDirectory;
    this.#source = source;
    this.#makeDirectory();
  }

  #makeDirectory(): void {
    mkdirSync(this.#sockets, { recursive: true, mode: privateMode });
  }

  /** Whether an executor of this pool has the token, waiting or with a plan. */
  owns(token: string): boolean {
    return this.#tokens.has(token);
  }

  /** The executor with this token has ended, or is let go of. */
  forget(token: string): void {
    this.#tokens.delete(token);
  }

  /** A waiting executor, started now when none is. */
  async take(): Promise<WaitingExecutor> {
    if (this.#closed) throw new TiffinError("unavailable", "runtime.closed", "the runtime has been closed");
    for (let ready = this.#waiting.shift(); ready !== undefined; ready = this.#waiting.shift()) {
      this.#refillLater(refillPauseMs);
      if (ready.channel.closed) ready.socket[Symbol.dispose]();
      else if (hasSocket(this.#sockets, ready.token)) return ready;
      // Nobody could attach to what it starts.
      else this.discard(ready);
    }
    return await this.#start();
  }

  /** Keeps `count` waiting, beginning now. */
  warm(count: number): void {
    this.#wanted = count;
    this.#refill?.cancel();
    this.#refill = undefined;
    this.#refillLater(0);
  }

  /** Ends an executor that has no plan. Closing our end makes it leave; the channel's close handler reaps it. */
  discard(executor: WaitingExecutor): void {
    executor.socket[Symbol.dispose]();
    executor.channel.close();
  }

  close(): void {
    this.#closed = true;
    this.#refill?.cancel();
    this.#refill = undefined;
    for (const executor of this.#waiting.splice(0)) this.discard(executor);
    this.#binary?.[Symbol.dispose]();
    this.#binary = undefined;
  }

  #refillLater(pauseMs: number): void {
    if (this.#closed || this.#refill !== undefined) return;
    if (this.#waiting.length + this.#starting >= this.#wanted) return;
    const refill = (): void => {
      this.#refill = undefined;
      this.#startWaiting();
    };
    this.#refill = after(pauseMs, refill, { background: true });
  }

  #startWaiting(): void {
    if (this.#closed || this.#waiting.length + this.#starting >= this.#wanted) return;
    this.#starting += 1;
    this.#start()
      .then(
        (executor) => {
          if (this.#closed) this.discard(executor);
          else this.#waiting.push(executor);
        },
        // Out of processes or memory: nobody waits for this one, and the next launch reports its own failure.
        () => {
          this.#wanted = 0;
        },
      )
      .finally(() => {
        this.#starting -= 1;
        this.#refillLater(0);
      });
  }

  async #start(): Promise<WaitingExecutor> {
    this.#binary ??= sealedMemfd(
      executorName,
      typeof this.#source === "string" ? readFileSync(this.#source) : this.#source,
      { executable: true },
    );
    const token = randomHex(tokenDigits);
    this.#tokens.add(token);
    const [ours, theirs] = socketPair(`control connection of executor ${token}`);
    using socket = ours;
    let pid: number;
    try {
      // Cleaners of /run take what they do not know.
      if (!exists(this.#sockets)) this.#makeDirectory();
      pid = spawn({
        executable: this.#binary,
        argv: [executorName, token],
        fds: [[theirs, controlFd]],
        cwd: this.#sockets,
        newSession: true,
      });
    } catch (thrown) {
      this.forget(token);
      throw thrown;
    } finally {
      theirs[Symbol.dispose]();
    }
    const forSending = socket.duplicate();
    const channel = new ControlChannel(await connectDuplex({ fd: socket.take() }));
    const executor = { token, pid, channel, socket: forSending };
    channel.listen({
      message() {},
      closed: () => this.#died(executor),
    });
    return executor;
  }

  #died(executor: WaitingExecutor): void {
    const at = this.#waiting.indexOf(executor);
    if (at >= 0) this.#waiting.splice(at, 1);
    executor.socket[Symbol.dispose]();
    // One that was killed could not do this itself.
    removeSocket(this.#sockets, executor.token);
    this.forget(executor.token);
    reapSoon(executor.pid);
  }
}
