/** Two ends of a connection in memory. */
import type { ByteDuplex, DuplexHandlers } from "../../lib/byte-duplex.ts";

interface Side {
  handlers: DuplexHandlers | undefined;
  early: Uint8Array[];
  over: boolean;
}

export function connectionPair(): readonly [ByteDuplex, ByteDuplex] {
  const make = (): Side => ({ handlers: undefined, early: [], over: false });
  const [a, b] = [make(), make()];
  return [end(a, b), end(b, a)];
}

function end(own: Side, other: Side): ByteDuplex {
  const close = (side: Side): void => {
    if (side.over) return;
    side.over = true;
    side.handlers?.close();
  };
  return {
    listen(handlers) {
      own.handlers = handlers;
      for (const chunk of own.early.splice(0)) handlers.data(chunk);
    },
    write(chunk) {
      const copy = chunk.slice();
      queueMicrotask(() => {
        if (other.handlers === undefined) other.early.push(copy);
        else other.handlers.data(copy);
      });
      return true;
    },
    end: () => queueMicrotask(() => other.handlers?.end()),
    destroy: () =>
      queueMicrotask(() => {
        close(own);
        close(other);
      }),
    pause() {},
    resume() {},
  };
}
