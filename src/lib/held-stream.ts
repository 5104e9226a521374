/** A stream together with what it reads from, which is let go when the stream ends, fails or is given up, even before its start. */
export function holding(
  held: Iterable<Disposable>,
  bytes: AsyncIterable<Uint8Array>,
): AsyncIterableIterator<Uint8Array> {
  const source = bytes[Symbol.asyncIterator]();
  let left: Iterable<Disposable> = held;
  const release = (): void => {
    const now = left;
    left = [];
    for (const one of now) one[Symbol.dispose]();
  };
  return {
    async next() {
      try {
        const result = await source.next();
        if (result.done === true) release();
        return result;
      } catch (thrown) {
        release();
        throw thrown;
      }
    },
    async return() {
      try {
        await source.return?.();
      } finally {
        release();
      }
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
