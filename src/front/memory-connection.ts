/**
 * A connection within this process: the engine has one end as any connection that it takes over, a command's loop the other as the
 * socket that it polls. Nothing is copied through the kernel.
 */
import type { SyncSocket } from "../client/sync-socket.ts";
import type { ByteDuplex, DuplexHandlers } from "../lib/byte-duplex.ts";
import type { Pollable } from "./poll-table.ts";

/** Beyond this much that the command has not read, the engine's end asks to wait. */
const highWaterBytes = 256 * 1024;

export class MemoryConnection implements Pollable {
  /** What the engine has written and the command has not read. */
  #toCommand: Uint8Array[] = [];
  #toCommandBytes = 0;
  /** What the command has written and the engine does not take yet. */
  #toEngine: Uint8Array[] = [];
  #handlers: DuplexHandlers | undefined;
  #paused = false;
  #needDrain = false;
  /** No more comes from that side. */
  #engineEnded = false;
  #commandEnded = false;
  #endTold = false;
  #closed = false;
  readonly #changed: () => void;

  /** `changed`: there may be something to read, or room. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get isReadable(): boolean {
    return this.#toCommandBytes > 0 || this.#engineEnded || this.#closed;
  }

  get isWritable(): boolean {
    return this.#toEngine.length === 0;
  }

  engineEnd(): ByteDuplex {
    return {
      listen: (handlers) => {
        this.#handlers = handlers;
        this.#deliver();
        if (this.#closed) handlers.close();
      },
      write: (chunk) => {
        if (this.#closed || this.#engineEnded || chunk.length === 0) return !this.#needDrain;
        this.#toCommand.push(chunk.slice());
        this.#toCommandBytes += chunk.length;
        if (this.#toCommandBytes >= highWaterBytes) this.#needDrain = true;
        this.#changed();
        return !this.#needDrain;
      },
      end: () => {
        if (this.#engineEnded) return;
        this.#engineEnded = true;
        this.#changed();
        if (this.#toCommandBytes === 0) this.#handlers?.drain?.();
      },
      destroy: () => this.#close(),
      pause: () => {
        this.#paused = true;
      },
      resume: () => {
        this.#paused = false;
        this.#deliver();
      },
    };
  }

  /** `fd` is what its poll table knows it by. */
  commandEnd(fd: number): SyncSocket {
    return {
      fd,
      read: (into) => this.#read(into),
      write: (bytes) => {
        if (this.#closed || this.#commandEnded || bytes.length === 0) return;
        this.#toEngine.push(bytes.slice());
        this.#deliver();
      },
      shutdownWrite: () => {
        this.#commandEnded = true;
        this.#deliver();
      },
      close: () => this.#close(),
    };
  }

  #read(into: Uint8Array): number {
    let filled = 0;
    for (
      let head = this.#toCommand[0];
      head !== undefined && filled < into.length;
      head = this.#toCommand[0]
    ) {
      const taken = head.subarray(0, into.length - filled);
      into.set(taken, filled);
      filled += taken.length;
      if (taken.length === head.length) this.#toCommand.shift();
      else this.#toCommand[0] = head.subarray(taken.length);
    }
    this.#toCommandBytes -= filled;
    if (this.#toCommandBytes === 0 && (this.#needDrain || this.#engineEnded)) {
      this.#needDrain = false;
      this.#handlers?.drain?.();
    }
    return filled;
  }

  #deliver(): void {
    while (this.#handlers !== undefined && !this.#paused && !this.#closed) {
      const chunk = this.#toEngine.shift();
      if (chunk === undefined) break;
      this.#handlers.data(chunk);
    }
    if (this.#toEngine.length > 0 || this.#handlers === undefined) return;
    if (this.#commandEnded && !this.#endTold) {
      this.#endTold = true;
      this.#handlers.end();
    }
    this.#changed();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#toEngine = [];
    this.#changed();
    // Not from within a call of the handlers that closed it.
    queueMicrotask(() => this.#handlers?.close());
  }
}
