/**
 * The one call of gRPC's health protocol (`grpc.health.v1.Health/Check`) as the bytes that HTTP/2 has for it, and its answer as
 * it comes. Pure. Of the answer only the message counts: without one the call has failed. RFC 9113, RFC 7541
 */

const frames = { data: 0, headers: 1, settings: 4, ping: 6, goAway: 7 } as const;
const endStream = 1;
const endHeaders = 4;
const acknowledged = 1;
const padded = 8;
const headBytes = 9;
const messageHeadBytes = 5;
/** An answer is a few bytes; who sends more is no health service. */
const limitBytes = 64 << 10;
const names = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const head = Buffer.alloc(headBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header that no table is to remember, in plain bytes; each is shorter than 127. */
function header(name: string, value: string): Uint8Array {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

/** All that the client says. `service` is empty for the whole server, and shorter than 100 bytes. */
export function grpcCheckRequest(authority: string, service: string): Uint8Array {
  const headers = [
    header(":method", "POST"),
    header(":scheme", "http"),
    header(":path", "/grpc.health.v1.Health/Check"),
    header(":authority", authority),
    header("content-type", "application/grpc"),
    header("te", "trailers"),
  ];
  const name = Buffer.from(service);
  const body = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const head = Buffer.from([0, 0, 0, 0, body.length]);
  return Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    frame(frames.settings, 0, 0, Buffer.alloc(0)),
    frame(frames.headers, endHeaders, 1, Buffer.concat(headers)),
    frame(frames.data, endStream, 1, Buffer.concat([head, body])),
  ]);
}

export interface GrpcAnswer {
  readonly isServing: boolean;
  readonly text: string;
}

/** Takes what the server sends, in whatever pieces. */
export class GrpcCheckReader {
  #bytes: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  #message: Buffer<ArrayBufferLike> = Buffer.alloc(0);

  /** The answer once it is there, and what is to be said to the server. */
  take(chunk: Uint8Array): { readonly answer?: GrpcAnswer; readonly reply: readonly Uint8Array[] } {
    const reply: Uint8Array[] = [];
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    if (this.#bytes.length > limitBytes) return { answer: noAnswer("the answer is not gRPC"), reply };
    while (this.#bytes.length >= headBytes) {
      const length = this.#bytes.readUIntBE(0, 3);
      if (length > limitBytes) return { answer: noAnswer("the answer is not gRPC"), reply };
      if (this.#bytes.length < headBytes + length) break;
      const [type, flags] = [this.#bytes.readUInt8(3), this.#bytes.readUInt8(4)];
      const payload = this.#bytes.subarray(headBytes, headBytes + length);
      this.#bytes = this.#bytes.subarray(headBytes + length);
      const isAcknowledged = (flags & acknowledged) !== 0;
      if (type === frames.settings && !isAcknowledged) {
        reply.push(frame(frames.settings, acknowledged, 0, Buffer.alloc(0)));
      }
      if (type === frames.ping && !isAcknowledged) reply.push(frame(frames.ping, acknowledged, 0, payload));
      if (type === frames.goAway) return { answer: noAnswer("the server refuses the call"), reply };
      const answer = this.#answerOf(type, flags, payload);
      if (answer !== undefined) return { answer, reply };
    }
    return { reply };
  }

  #answerOf(type: number, flags: number, payload: Buffer): GrpcAnswer | undefined {
    if (type === frames.data) {
      const cut = (flags & padded) === 0 ? 0 : 1 + (payload[0] ?? 0);
      const end = cut === 0 ? payload.length : payload.length - cut + 1;
      this.#message = Buffer.concat([this.#message, payload.subarray(cut === 0 ? 0 : 1, Math.max(end, 0))]);
      const message = this.#whole();
      if (message !== undefined) return answerIn(message);
    }
    const isLast = (type === frames.data || type === frames.headers) && (flags & endStream) !== 0;
    return isLast ? noAnswer("the service does not know the call, or not this service") : undefined;
  }

  #whole(): Buffer | undefined {
    if (this.#message.length < messageHeadBytes) return undefined;
    const length = this.#message.readUInt32BE(1);
    if (this.#message.length < messageHeadBytes + length) return undefined;
    return this.#message.subarray(messageHeadBytes, messageHeadBytes + length);
  }
}

function noAnswer(text: string): GrpcAnswer {
  return { isServing: false, text };
}

/** Field 1 is the status; absent it is 0. */
function answerIn(message: Buffer): GrpcAnswer {
  const status = message[0] === 0x08 ? (message[1] ?? 0) : 0;
  return { isServing: status === names.indexOf("SERVING"), text: names[status] ?? `status ${status}` };
}
