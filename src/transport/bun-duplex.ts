/**
 * `ByteDuplex` over a Bun socket (unix path, adopted fd, or accepted by `Bun.listen`). Bun's `write` takes what the
 * kernel takes and leaves the rest to us, so the rest is queued here; half-close waits for the queue. Bytes that arrive
 * while nobody listens are kept, and beyond a limit the socket is paused, so they stay bounded.
 */
import type { Socket } from "bun";
import type { ByteDuplex, DuplexHandlers } from "../lib/byte-duplex.ts";
import { monotonicMs } from "../lib/clock.ts";
import { after } from "../lib/timer.ts";
import type { RequestCaller } from "./http-message.ts";

/** Beyond this much unsent data `write` asks the caller to wait. */
const highWaterBytes = 256 * 1024;
/** Of a chunk of this size nothing more is worth queueing: who has such chunks writes the next when this one has left. */
const largeChunkBytes = 64 * 1024;
/** Beyond this much undelivered data the socket is not read. */
const limitEarlyBytes = 256 * 1024;
/** How long what follows a boundary waits for a peer that does not read what is before it, and how often it is asked. */
const limitBoundaryMs = 100;
const boundaryTickMs = 1;

/** Who is at the other end of a socket; undefined where it cannot be told. */
export type CallerAt = (fd: number) => RequestCaller | undefined;

/** How many bytes that were written to a socket its peer has not read. */
export type UnreadBytes = (fd: number) => number;

interface Boundary {
  readonly unread: UnreadBytes;
  readonly untilMs: number;
  ticking: boolean;
}

export class BunDuplex implements ByteDuplex {
  #socket: Socket<BunDuplex> | undefined;
  #handlers: DuplexHandlers | undefined;
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #peerEnded = false;
  #endRequested = false;
  #endSent = false;
  #closed: { readonly error: Error | undefined } | undefined;
  #needDrain = false;
  #paused = false;
  #earlyFull = false;
  #boundary: Boundary | undefined;

  listen(handlers: DuplexHandlers): void {
    this.#handlers = handlers;
    // A handler may hand over to another one in the middle; what is left then is for that one.
    for (let chunk = this.#early.shift(); chunk !== undefined; chunk = this.#early.shift()) {
      this.#earlyBytes -= chunk.length;
      handlers.data(chunk);
      if (this.#handlers !== handlers) return;
    }
    if (this.#earlyFull) {
      this.#earlyFull = false;
      if (!this.#paused) this.#socket?.resume();
    }
    if (this.#peerEnded) handlers.end();
    if (this.#handlers !== handlers) return;
    if (this.#closed !== undefined) handlers.close(this.#closed.error);
  }

  /** What is written from here on does not come in one read with what was written before, if the peer reads at all. */
  setBoundary(unread: UnreadBytes): void {
    this.#boundary = { unread, untilMs: monotonicMs() + limitBoundaryMs, ticking: false };
  }

  /** Who is at the other end. */
  caller(at: CallerAt): RequestCaller | undefined {
    return this.#socket === undefined ? undefined : at(descriptorOf(this.#socket));
  }

  /** Whether the peer has not taken everything that was written. */
  get hasUnsent(): boolean {
    return this.#queuedBytes > 0;
  }

  /** Stops delivering: what arrives is kept for the next `listen`, after `bytes`, which come first. */
  release(bytes: Uint8Array): void {
    this.#handlers = undefined;
    if (bytes.length === 0) return;
    this.#early.unshift(bytes);
    this.#earlyBytes += bytes.length;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#closed !== undefined || this.#endRequested) return true;
    if (chunk.length === 0) return !this.#needDrain;
    let rest = chunk;
    if (this.#queuedBytes === 0 && this.#socket !== undefined && !this.#waitsAtBoundary(this.#socket)) {
      const taken = Math.max(0, this.#socket.write(chunk));
      if (taken === chunk.length) return true;
      rest = chunk.subarray(taken);
    }
    // The caller may reuse its buffer, so what waits is a copy.
    this.#queue.push(rest.slice());
    this.#queuedBytes += rest.length;
    if (this.#queuedBytes >= highWaterBytes || chunk.length >= largeChunkBytes) this.#needDrain = true;
    return !this.#needDrain;
  }

  end(): void {
    this.#endRequested = true;
    if (this.#endSent) this.#handlers?.drain?.();
    else this.#flush();
  }

  destroy(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#endRequested = true;
    this.#socket?.terminate();
  }

  pause(): void {
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#socket?.resume();
  }

  #flush(): void {
    const socket = this.#socket;
    if (socket === undefined || this.#closed !== undefined || this.#waitsAtBoundary(socket)) return;
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      const taken = Math.max(0, socket.write(head));
      this.#queuedBytes -= taken;
      if (taken < head.length) {
        this.#queue[0] = head.subarray(taken);
        return;
      }
      this.#queue.shift();
    }
    if (this.#needDrain) {
      this.#needDrain = false;
      this.#handlers?.drain?.();
    }
    // The drained handler may have written again.
    if (this.#endRequested && !this.#endSent && this.#queuedBytes === 0) {
      this.#endSent = true;
      // With both sides ended Bun closes by itself; `shutdown` is the half-close.
      if (this.#peerEnded) socket.end();
      else socket.shutdown();
      this.#handlers?.drain?.();
    }
  }

  #waitsAtBoundary(socket: Socket<BunDuplex>): boolean {
    const boundary = this.#boundary;
    if (boundary === undefined) return false;
    if (monotonicMs() >= boundary.untilMs || boundary.unread(descriptorOf(socket)) === 0) {
      this.#boundary = undefined;
      return false;
    }
    if (!boundary.ticking) {
      boundary.ticking = true;
      after(
        boundaryTickMs,
        () => {
          boundary.ticking = false;
          this.#flush();
        },
        { background: true },
      );
    }
    return true;
  }

  #close(error: Error | undefined): void {
    if (this.#closed !== undefined) return;
    this.#closed = { error };
    this.#queue = [];
    this.#queuedBytes = 0;
    // When our side ended first, Bun closes at the peer's end without telling that end.
    if (!this.#peerEnded && this.#endSent && error === undefined) {
      this.#peerEnded = true;
      this.#handlers?.end();
    }
    this.#handlers?.close(error);
  }

  /** The socket's events, to be given to Bun. */
  static readonly events = {
    binaryType: "uint8array",
    open(socket: Socket<BunDuplex>): void {
      const self = socket.data;
      self.#socket = socket;
      if (self.#paused) socket.pause();
      self.#flush();
    },
    data(socket: Socket<BunDuplex>, chunk: Uint8Array): void {
      const self = socket.data;
      if (self.#handlers !== undefined) {
        self.#handlers.data(chunk);
        return;
      }
      self.#early.push(new Uint8Array(chunk));
      self.#earlyBytes += chunk.length;
      if (self.#earlyBytes < limitEarlyBytes || self.#earlyFull) return;
      self.#earlyFull = true;
      socket.pause();
    },
    end(socket: Socket<BunDuplex>): void {
      const self = socket.data;
      self.#peerEnded = true;
      self.#handlers?.end();
      if (self.#endSent) socket.end();
    },
    drain(socket: Socket<BunDuplex>): void {
      socket.data.#flush();
    },
    close(socket: Socket<BunDuplex>, error?: Error): void {
      socket.data.#close(error);
    },
    error(socket: Socket<BunDuplex>, error: Error): void {
      socket.data.#close(error);
    },
  } as const;
}

function descriptorOf(socket: Socket<BunDuplex>): number {
  // Bun has it at run time; its type declarations do not.
  const { fd } = socket as { readonly fd?: unknown };
  return typeof fd === "number" ? fd : -1;
}

/** Connects to a unix socket, or adopts a connected stream socket by its fd (which it then owns). */
export async function connectDuplex(
  where: { readonly unix: string } | { readonly fd: number },
): Promise<BunDuplex> {
  const data = new BunDuplex();
  const options = { data, allowHalfOpen: true, socket: BunDuplex.events };
  // Bun takes { fd } at run time; its type declarations list only `unix`.
  await Bun.connect({ ...options, ...where } as Parameters<typeof Bun.connect<BunDuplex>>[0]);
  return data;
}
