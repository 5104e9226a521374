/**
 * A two-way byte stream with half-close and backpressure: what an attach, an exec and a hijacked HTTP
 * connection have in common. Callbacks instead of web streams, because every byte of a container's output
 * passes here.
 */
export interface DuplexHandlers {
  data(chunk: Uint8Array): void;
  /** The peer will send no more; writing may go on. */
  end(): void;
  /** Both directions are over. Called exactly once; `error` says why when it was not orderly. */
  close(error?: Error): void;
  /** Everything written so far has left; only called after a `write` returned false, and after `end`. */
  drain?(): void;
}

export interface ByteDuplex {
  /** Sets who receives; bytes that arrived earlier are delivered at once. May be called again to hand over. */
  listen(handlers: DuplexHandlers): void;
  /** Queues a copy when needed. False: stop writing until `drain`. */
  write(chunk: Uint8Array): boolean;
  /** Half-close after all that was written. */
  end(): void;
  /** Both directions, now. */
  destroy(): void;
  pause(): void;
  resume(): void;
}

/** Copies both ways with backpressure and half-close until both sides are closed. */
export function joinDuplexes(a: ByteDuplex, b: ByteDuplex): Promise<void> {
  return new Promise((resolve) => {
    let open = 2;
    const oneWay = (from: ByteDuplex, to: ByteDuplex): DuplexHandlers => ({
      data(chunk) {
        if (!to.write(chunk)) from.pause();
      },
      end() {
        to.end();
      },
      close() {
        to.end();
        open -= 1;
        if (open === 0) resolve();
      },
      drain() {
        to.resume();
      },
    });
    a.listen(oneWay(a, b));
    b.listen(oneWay(b, a));
  });
}
