/**
 * `ByteDuplex` over a Bun socket (unix path, adopted fd, or accepted by `Bun.listen`). Bun's `write` takes what
 * the kernel takes and leaves the rest to us, so the rest is queued here; half-close waits for the queue.
 */
import type { Socket } from "bun";
import type { ByteDuplex, DuplexHandlers } from "../lib/byte-duplex.ts";

/** Beyond this much unsent data `write` asks the caller to wait. */
const highWaterBytes = 256 * 1024;

export class BunDuplex implements ByteDuplex {
  #socket: Socket<BunDuplex> | undefined;
  #handlers: DuplexHandlers | undefined;
  #early: Uint8Array[] = [];
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #peerEnded = false;
  #endRequested = false;
  #endSent = false;
  #closed: { readonly error: Error | undefined } | undefined;
  #needDrain = false;

  listen(handlers: DuplexHandlers): void {
    this.#handlers = handlers;
    const early = this.#early;
    this.#early = [];
    for (const chunk of early) handlers.data(chunk);
    if (this.#handlers !== handlers) return;
    if (this.#peerEnded) handlers.end();
    if (this.#closed !== undefined) handlers.close(this.#closed.error);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#closed !== undefined || this.#endRequested) return true;
    if (chunk.length === 0) return true;
    let rest = chunk;
    if (this.#queuedBytes === 0 && this.#socket !== undefined) {
      const taken = Math.max(0, this.#socket.write(chunk));
      if (taken === chunk.length) return true;
      rest = chunk.subarray(taken);
    }
    // The caller may reuse its buffer, so what waits is a copy.
    this.#queue.push(rest.slice());
    this.#queuedBytes += rest.length;
    this.#needDrain = this.#queuedBytes >= highWaterBytes;
    return !this.#needDrain;
  }

  end(): void {
    this.#endRequested = true;
    this.#flush();
  }

  destroy(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#socket?.terminate();
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  #flush(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
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
    if (this.#endRequested && !this.#endSent && this.#queuedBytes === 0) {
      this.#endSent = true;
      // With both sides ended Bun closes by itself; `end` is the half-close.
      if (this.#peerEnded) socket.end();
      else socket.shutdown();
    }
  }

  /** The socket's events, to be given to Bun. */
  static readonly events = {
    binaryType: "uint8array",
    open(socket: Socket<BunDuplex>): void {
      socket.data.#socket = socket;
      socket.data.#flush();
    },
    data(socket: Socket<BunDuplex>, chunk: Uint8Array): void {
      const self = socket.data;
      if (self.#handlers === undefined) self.#early.push(chunk.slice());
      else self.#handlers.data(chunk);
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
      const self = socket.data;
      if (self.#closed !== undefined) return;
      self.#closed = { error };
      self.#handlers?.close(error);
    },
    error(socket: Socket<BunDuplex>, error: Error): void {
      const self = socket.data;
      if (self.#closed !== undefined) return;
      self.#closed = { error };
      self.#handlers?.close(error);
    },
  } as const;
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
