/** A scripted engine on a real socket, for tests that run the program itself: one handler per connection. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";
import { encodeFrame, encodeJsonFrame, FrameDecoder, frameText, frameTypes } from "../../docker/framing.ts";

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  /** Queues bytes, whatever their number, and resolves when they have left. */
  send(bytes: Uint8Array | string): Promise<void>;
  /** What follows the request on this connection. Ends with the client's half-close or its going away. */
  readonly received: AsyncIterable<Uint8Array>;
  /** Half-close after all that was sent. */
  end(): void;
  /** True once the connection is over. */
  readonly closed: Promise<void>;
}

interface Connection {
  buffer: Uint8Array;
  started: boolean;
  chunks: Uint8Array[];
  ended: boolean;
  wake: PromiseWithResolvers<void>;
  drained: PromiseWithResolvers<void>;
  over: PromiseWithResolvers<void>;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([a, b]));
}

async function* receivedOf(connection: Connection): AsyncGenerator<Uint8Array> {
  for (;;) {
    const chunk = connection.chunks.shift();
    if (chunk !== undefined) yield chunk;
    else if (connection.ended) return;
    else {
      await connection.wake.promise;
      connection.wake = Promise.withResolvers();
    }
  }
}

async function sendAll(socket: Socket<Connection>, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  for (;;) {
    rest = rest.subarray(Math.max(0, socket.write(rest)));
    if (rest.length === 0) return;
    await Promise.race([socket.data.drained.promise, socket.data.over.promise]);
    socket.data.drained = Promise.withResolvers();
    if (socket.readyState <= 0) return;
  }
}

/** Listens until disposed. `handle` is called for each request; a connection carries one. */
export class SessionServer implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), "tiffin-test-cli-"));
  readonly address = `unix://${this.#directory}/s`;
  readonly #listener;

  constructor(handle: (exchange: Exchange) => Promise<void> | void) {
    const finish = (connection: Connection): void => {
      connection.ended = true;
      connection.wake.resolve();
    };
    this.#listener = Bun.listen<Connection>({
      unix: `${this.#directory}/s`,
      allowHalfOpen: true,
      socket: {
        binaryType: "uint8array",
        open(socket) {
          socket.data = {
            buffer: new Uint8Array(0),
            started: false,
            chunks: [],
            ended: false,
            wake: Promise.withResolvers(),
            drained: Promise.withResolvers(),
            over: Promise.withResolvers(),
          };
        },
        data(socket, data) {
          const connection = socket.data;
          if (connection.started) {
            connection.chunks.push(data.slice());
            connection.wake.resolve();
            return;
          }
          connection.buffer = concat(connection.buffer, data);
          const text = Buffer.from(connection.buffer).toString("latin1");
          const headEnd = text.indexOf("\r\n\r\n");
          if (headEnd < 0) return;
          const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
          const whole = headEnd + 4 + length;
          if (connection.buffer.length < whole) return;
          connection.started = true;
          const [method = "", path = ""] = text.split(" ");
          const json = Buffer.from(connection.buffer.subarray(headEnd + 4, whole)).toString("utf8");
          if (connection.buffer.length > whole) connection.chunks.push(connection.buffer.subarray(whole));
          void Promise.resolve(
            handle({
              method,
              path,
              body: json === "" ? undefined : JSON.parse(json),
              send: (bytes) =>
                sendAll(socket, typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes),
              received: receivedOf(connection),
              end: () => socket.shutdown(),
              closed: connection.over.promise,
            }),
          );
        },
        end: (socket) => finish(socket.data),
        drain: (socket) => socket.data.drained.resolve(),
        close(socket) {
          finish(socket.data);
          socket.data.over.resolve();
        },
        error: () => {},
      },
    });
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

export const upgradeHead = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
export const containerId = "c".repeat(64);

export const started = (): Uint8Array =>
  encodeJsonFrame(frameTypes.started, { Id: containerId, Warnings: [] });
export const exited = (code: number): Uint8Array => encodeJsonFrame(frameTypes.exited, { StatusCode: code });
export const output = (text: string | Uint8Array, type: 1 | 2 = 1): Uint8Array =>
  encodeFrame(type, typeof text === "string" ? new TextEncoder().encode(text) : text);

/** A frame that the client sent. */
export type ClientFrame =
  | { readonly kind: "stdin"; readonly bytes: Uint8Array }
  | { readonly kind: "stdinEnd" }
  | { readonly kind: "resize" | "signal"; readonly value: unknown };

/** The client's frames in order. */
export async function* clientFrames(exchange: Exchange): AsyncGenerator<ClientFrame> {
  const frames: ClientFrame[] = [];
  const decoder = new FrameDecoder({
    part: (_type, bytes) => frames.push({ kind: "stdin", bytes: bytes.slice() }),
    control(type, payload) {
      if (type === frameTypes.stdinEnd) frames.push({ kind: "stdinEnd" });
      else {
        const kind = type === frameTypes.resize ? "resize" : "signal";
        frames.push({ kind, value: JSON.parse(frameText(payload)) });
      }
    },
  });
  for await (const chunk of exchange.received) {
    decoder.push(chunk);
    yield* frames.splice(0);
  }
}
