/** A byte stream of ours as one of Node's, which the HTTP/2 library wants. */
import { Duplex } from "node:stream";
import type { ByteDuplex } from "../../lib/byte-duplex.ts";

export function nodeStreamOf(duplex: ByteDuplex): Duplex {
  let drained: (() => void) | undefined;
  const release = (): void => {
    const waiting = drained;
    drained = undefined;
    waiting?.();
  };
  const stream = new Duplex({
    allowHalfOpen: true,
    read() {
      duplex.resume();
    },
    write(chunk: Uint8Array, _encoding, done) {
      if (duplex.write(chunk)) done();
      else drained = done;
    },
    final(done) {
      duplex.end();
      done();
    },
    destroy(error, done) {
      duplex.destroy();
      release();
      done(error);
    },
  });
  duplex.listen({
    data(chunk) {
      // The socket's buffer is used again.
      if (!stream.push(Buffer.from(chunk))) duplex.pause();
    },
    end() {
      stream.push(null);
    },
    close(error) {
      release();
      // A connection that was reset is over, no more.
      if (error === undefined) stream.push(null);
      stream.destroy();
    },
    drain: release,
  });
  return stream;
}
