/** Streams of Node, read and written at the pace of the other side. */
import type { Readable, Writable } from "node:stream";

/**
 * What arrives on a stream, piece by piece, read only as it is asked for. An end that was not orderly is an end here, and who
 * stops reading leaves the stream as it is, which Node's own iteration would destroy.
 */
export async function* piecesOf(stream: Readable): AsyncGenerator<Uint8Array> {
  const waiting: Uint8Array[] = [];
  let over = stream.destroyed || stream.readableEnded;
  let wake: (() => void) | undefined;
  const hear = (): void => {
    wake?.();
    wake = undefined;
  };
  const finish = (): void => {
    over = true;
    hear();
  };
  const receive = (piece: Uint8Array): void => {
    waiting.push(piece);
    stream.pause();
    hear();
  };
  stream.on("data", receive);
  stream.once("end", finish);
  stream.once("close", finish);
  try {
    for (;;) {
      const piece = waiting.shift();
      if (piece !== undefined) yield piece;
      else if (over) return;
      else {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        stream.resume();
        await promise;
      }
    }
  } finally {
    stream.off("data", receive);
    stream.off("end", finish);
    stream.off("close", finish);
  }
}

/** Resolves when there is room for more, or nothing will be taken any more. */
export function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
  });
}
