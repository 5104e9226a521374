/** A session that comes within a call, for clients that have no other connection: its bytes are the call's messages. */
import {
  type bytesMessage,
  CallDuplex,
  CallFailed,
  codes,
  type Method,
  type SessionRegistry,
} from "../../buildkit/mod.ts";

const head = "x-docker-expose-session-";

export function servedSession(sessions: SessionRegistry, piece: typeof bytesMessage): Method {
  return async function* (messages, { metadata, signal }) {
    const said = (name: string): string => metadata.get(`${head}${name}`) ?? "";
    const id = said("uuid");
    if (id === "") throw new CallFailed(codes.invalidArgument, "a session without an id");
    const outgoing: Uint8Array[] = [];
    let wake: (() => void) | undefined;
    let room: (() => void) | undefined;
    let over = false;
    const hear = (): void => {
      wake?.();
      wake = undefined;
    };
    const finish = (): void => {
      over = true;
      hear();
      room?.();
    };
    const duplex = new CallDuplex({
      async send({ data = new Uint8Array(0) }) {
        outgoing.push(data);
        hear();
        if (over || outgoing.length < limitWaiting) return;
        await new Promise<void>((resolve) => {
          room = resolve;
        });
      },
      end: finish,
      cancel: finish,
      batches: batchesOf(messages, piece),
    });
    const methods = said("grpc-method")
      .split(",")
      .flatMap((name) => (name.trim() === "" ? [] : [name.trim()]));
    const session = sessions.accept({ id, sharedKey: said("sharedkey"), methods }, duplex);
    void session.connection.closed.then(finish);
    const stop = (): void => session.connection.destroy();
    signal.addEventListener("abort", stop, { once: true });
    try {
      for (;;) {
        const data = outgoing.shift();
        if (data !== undefined) {
          yield piece.encode({ data });
          room?.();
        } else if (over) return;
        else {
          const { promise, resolve } = Promise.withResolvers<void>();
          wake = resolve;
          await promise;
        }
      }
    } finally {
      signal.removeEventListener("abort", stop);
      session.connection.destroy();
    }
  };
}

const limitWaiting = 32;

async function* batchesOf(messages: AsyncIterable<Uint8Array>, piece: typeof bytesMessage) {
  for await (const bytes of messages) yield [piece.decode(bytes)];
}
