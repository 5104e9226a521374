/**
 * The server's side of a WebSocket after its handshake, as a stream of bytes (RFC 6455 section 5): what messages hold is one
 * stream, their boundaries mean nothing, and every write leaves as a binary message. Nothing is buffered but a frame's head.
 */
import type { ByteDuplex, DuplexHandlers } from "../lib/byte-duplex.ts";

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const finalBit = 0x80;
const reservedBits = 0x70;
const maskBit = 0x80;
const limitControlBytes = 125;
const normalClosure = 1000;
const protocolError = 1002;
const maskBytes = 4;

interface Frame {
  readonly opcode: number;
  readonly mask: Uint8Array;
  remaining: number;
  /** How much of the payload was unmasked, for the place in the mask. */
  done: number;
}

export class WebSocketDuplex implements ByteDuplex {
  readonly #duplex: ByteDuplex;
  #handlers: DuplexHandlers | undefined;
  /** Bytes of a head or of a control frame that is not complete. */
  #pending: Uint8Array = new Uint8Array(0);
  #frame: Frame | undefined;
  #peerClosed = false;
  #closeSent = false;

  constructor(duplex: ByteDuplex) {
    this.#duplex = duplex;
  }

  listen(handlers: DuplexHandlers): void {
    this.#handlers = handlers;
    this.#duplex.listen({
      data: (chunk) => this.#receive(chunk),
      end: () => this.#peerEnd(),
      close: (error) => handlers.close(error),
      drain: () => handlers.drain?.(),
    });
  }

  write(chunk: Uint8Array): boolean {
    if (this.#closeSent || chunk.length === 0) return true;
    return this.#duplex.write(frameOf(opcodes.binary, chunk));
  }

  end(): void {
    this.#sendClose(normalClosure);
    this.#duplex.end();
  }

  destroy(): void {
    this.#duplex.destroy();
  }

  pause(): void {
    this.#duplex.pause();
  }

  resume(): void {
    this.#duplex.resume();
  }

  #receive(chunk: Uint8Array): void {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = new Uint8Array(0);
    while (bytes.length > 0 && !this.#peerClosed) {
      const used = this.#frame === undefined ? this.#head(bytes) : this.#payload(this.#frame, bytes);
      if (used === 0) {
        this.#pending = new Uint8Array(bytes);
        return;
      }
      bytes = bytes.subarray(used);
    }
  }

  /** Takes a frame's head, or nothing while it is incomplete. */
  #head(bytes: Uint8Array): number {
    if (bytes.length < 2) return 0;
    const [first = 0, second = 0] = bytes;
    const opcode = first & 0x0f;
    const short = second & 0x7f;
    const isControl = opcode >= opcodes.close;
    const known = Object.values<number>(opcodes).includes(opcode);
    // A client must mask; nobody has agreed on what the reserved bits would mean.
    const lawful = known && (first & reservedBits) === 0 && (second & maskBit) !== 0;
    const lawfulControl = !isControl || ((first & finalBit) !== 0 && short <= limitControlBytes);
    if (!lawful || !lawfulControl) {
      this.#fail();
      return bytes.length;
    }
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const headBytes = 2 + lengthBytes + maskBytes;
    if (bytes.length < headBytes) return 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const long =
      lengthBytes === 8 ? view.getBigUint64(2) : BigInt(lengthBytes === 2 ? view.getUint16(2) : short);
    if (long > BigInt(Number.MAX_SAFE_INTEGER)) {
      this.#fail();
      return bytes.length;
    }
    const mask = new Uint8Array(bytes.subarray(headBytes - maskBytes, headBytes));
    this.#frame = { opcode, mask, remaining: Number(long), done: 0 };
    if (long === 0n) this.#complete(this.#frame, new Uint8Array(0));
    return headBytes;
  }

  #payload(frame: Frame, bytes: Uint8Array): number {
    const isControl = frame.opcode >= opcodes.close;
    if (isControl && bytes.length < frame.remaining) return 0;
    // A copy, whatever kind of array it is: what was received is not ours to change.
    const piece = new Uint8Array(bytes.subarray(0, frame.remaining));
    for (let index = 0; index < piece.length; index += 1) {
      piece[index] = (piece[index] ?? 0) ^ (frame.mask[(frame.done + index) % maskBytes] ?? 0);
    }
    frame.done += piece.length;
    frame.remaining -= piece.length;
    if (!isControl && piece.length > 0) this.#handlers?.data(piece);
    if (frame.remaining === 0) this.#complete(frame, piece);
    return piece.length;
  }

  #complete(frame: Frame, payload: Uint8Array): void {
    this.#frame = undefined;
    if (frame.opcode === opcodes.ping && !this.#closeSent) {
      this.#duplex.write(frameOf(opcodes.pong, payload));
    } else if (frame.opcode === opcodes.close) {
      // One byte cannot be a code. RFC 6455, 5.5.1
      this.#sendClose(payload.length === 1 ? protocolError : normalClosure);
      this.#peerEnd();
      // Both have said it, and the server is the first to close the connection below. RFC 6455, 7.1.1
      this.#duplex.end();
    }
  }

  #fail(): void {
    this.#sendClose(protocolError);
    this.#peerEnd();
    this.#duplex.end();
  }

  #peerEnd(): void {
    if (this.#peerClosed) return;
    this.#peerClosed = true;
    this.#handlers?.end();
  }

  #sendClose(code: number): void {
    if (this.#closeSent) return;
    this.#closeSent = true;
    this.#duplex.write(frameOf(opcodes.close, Uint8Array.of(code >> 8, code & 0xff)));
  }
}

/** A whole message in one frame, not masked, as a server sends it. */
function frameOf(opcode: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = new Uint8Array(2 + lengthBytes + length);
  const view = new DataView(frame.buffer);
  frame[0] = finalBit | opcode;
  frame[1] = lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127;
  if (lengthBytes === 2) view.setUint16(2, length);
  else if (lengthBytes === 8) view.setBigUint64(2, BigInt(length));
  frame.set(payload, 2 + lengthBytes);
  return frame;
}
