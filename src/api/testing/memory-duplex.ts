/** Two connected `ByteDuplex` ends in memory, for tests: ordered, with half-close, backpressure and pause. */
import type { ByteDuplex, DuplexHandlers } from "../../lib/byte-duplex.ts";

const highWaterBytes = 64 * 1024;

class MemoryEnd implements ByteDuplex {
  peer: MemoryEnd | undefined;
  #handlers: DuplexHandlers | undefined;
  #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  #paused = false;
  #endArrived = false;
  #endDelivered = false;
  #endSent = false;
  #closed = false;
  #closeDelivered = false;
  #peerWaits = false;
  #scheduled = false;

  listen(handlers: DuplexHandlers): void {
    this.#handlers = handlers;
    this.#schedule();
  }

  write(chunk: Uint8Array): boolean {
    const { peer } = this;
    if (peer === undefined || this.#endSent || this.#closed || peer.#closed) return true;
    peer.#inbox.push(chunk.slice());
    peer.#inboxBytes += chunk.length;
    peer.#schedule();
    if (peer.#inboxBytes < highWaterBytes) return true;
    peer.#peerWaits = true;
    return false;
  }

  end(): void {
    const { peer } = this;
    if (this.#endSent || peer === undefined) return;
    this.#endSent = true;
    peer.#endArrived = true;
    peer.#schedule();
    if (peer.#inboxBytes === 0) this.#handlers?.drain?.();
    else peer.#peerWaits = true;
  }

  destroy(): void {
    this.#closed = true;
    this.#schedule();
    const { peer } = this;
    if (peer === undefined) return;
    peer.#endArrived = true;
    peer.#closed = true;
    peer.#schedule();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const handlers = this.#handlers;
    if (handlers === undefined || this.#closeDelivered) return;
    for (let chunk = this.#inbox[0]; chunk !== undefined && !this.#paused; chunk = this.#inbox[0]) {
      this.#inbox.shift();
      this.#inboxBytes -= chunk.length;
      handlers.data(chunk);
    }
    if (this.#inbox.length > 0) return;
    if (this.#peerWaits) {
      this.#peerWaits = false;
      const { peer } = this;
      if (peer !== undefined) peer.#handlers?.drain?.();
    }
    if (this.#inbox.length > 0) return;
    if (this.#endArrived && !this.#endDelivered) {
      this.#endDelivered = true;
      handlers.end();
    }
    if (this.#closed || (this.#endDelivered && this.#endSent)) {
      this.#closeDelivered = true;
      handlers.close();
    }
  }
}

export function memoryPair(): readonly [ByteDuplex, ByteDuplex] {
  const a = new MemoryEnd();
  const b = new MemoryEnd();
  a.peer = b;
  b.peer = a;
  return [a, b];
}
