/**
 * Blobs that are being fetched: two pulls that want one of the same host at the same time fetch it once. Nobody waits for another
 * host, which may be slow, or send what is not the layer that its manifest promises.
 */

export class LayerFlights {
  readonly #flying = new Map<string, Promise<void>>();

  /**
   * Does `work` for `key` unless it is done: `isDone` is asked before, and again after waiting for somebody who was at it. When
   * that one fails or is called off, this one takes its place.
   */
  async fly(
    key: string,
    isDone: () => Promise<boolean>,
    work: () => Promise<void>,
    onWait: () => void,
    signal: AbortSignal,
  ): Promise<"done" | "worked"> {
    for (;;) {
      signal.throwIfAborted();
      const other = this.#flying.get(key);
      if (other !== undefined) {
        onWait();
        await untilSettled(other, signal);
        continue;
      }
      const flight = Promise.withResolvers<void>();
      this.#flying.set(key, flight.promise);
      try {
        if (await isDone()) return "done";
        await work();
        return "worked";
      } finally {
        this.#flying.delete(key);
        flight.resolve();
      }
    }
  }
}

async function untilSettled(other: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = (): void => resolve();
  signal.addEventListener("abort", stop, { once: true });
  await Promise.race([other, promise]);
  signal.removeEventListener("abort", stop);
}
