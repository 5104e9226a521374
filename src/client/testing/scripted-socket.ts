/** An engine that answers from a list, for tests of what runs on `SyncSocket`. */
import type { ConnectSync } from "../sync-socket.ts";

export interface ScriptedAnswer {
  readonly status: number;
  readonly json?: unknown;
  /** Instead of everything else: the bytes as they are. */
  readonly raw?: string;
}

export interface ScriptedEngine {
  readonly connect: ConnectSync;
  /** All that was written, over all connections. */
  sent(): string;
  /** How many connections were made. */
  connections(): number;
}

function bytesOf(answer: ScriptedAnswer): Uint8Array {
  if (answer.raw !== undefined) return new TextEncoder().encode(answer.raw);
  const body = answer.json === undefined ? "" : JSON.stringify(answer.json);
  const length = new TextEncoder().encode(body).length;
  return new TextEncoder().encode(
    `HTTP/1.1 ${answer.status} X\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`,
  );
}

/** Each write is a request and gets the next answer, in pieces of at most `pieceBytes`. */
export function scriptedConnect(answers: readonly ScriptedAnswer[], pieceBytes = 7): ScriptedEngine {
  let sent = "";
  let connections = 0;
  let next = 0;
  return {
    sent: () => sent,
    connections: () => connections,
    connect() {
      connections += 1;
      let pending = new Uint8Array(0);
      return {
        fd: -1,
        read(into) {
          const piece = pending.subarray(0, Math.min(pieceBytes, into.length));
          into.set(piece);
          pending = pending.subarray(piece.length);
          return piece.length;
        },
        write(bytes) {
          sent += new TextDecoder().decode(bytes);
          const answer = answers[next];
          next += 1;
          if (answer !== undefined) pending = new Uint8Array(bytesOf(answer));
        },
        shutdownWrite() {},
        close() {},
      };
    },
  };
}
