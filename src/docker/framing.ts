/**
 * Docker's stream framing, `{type, 0, 0, 0, length: u32 big endian}` before every piece, and the further frame types
 * of Tiffin's sessions (`/tiffin/run`, `/tiffin/containers/{name}/exec`). Pure: bytes in, pieces out.
 */
import { TiffinError } from "../lib/errors.ts";

export const frameHeaderBytes = 8;

export const frameTypes = {
  /** Client to server. */
  stdin: 0,
  stdout: 1,
  stderr: 2,
  /** Docker: an error message in the middle of a stream. */
  systemError: 3,
  /** JSON `RunStarted`, server to client, before any output. */
  started: 16,
  /** JSON `RunExited`, server to client, after all output; then the connection ends. */
  exited: 17,
  /** JSON `RunFailed`, server to client, instead of the other two. */
  failed: 18,
  /** Empty, server to client: the detach keys were typed; then the connection ends and the process goes on. */
  detached: 19,
  /** Empty, client to server: no more stdin. */
  stdinEnd: 32,
  /** JSON `TerminalSize`, client to server. */
  resize: 33,
  /** JSON `RunSignal`, client to server. */
  signal: 34,
} as const;

/** Types that carry a stream; their frames may be of any size and are passed on in pieces. */
const lastStreamType = frameTypes.systemError;
/** A frame of any other type is kept until it is complete. */
export const limitControlBytes = 64 * 1024;

/** Writes a header at `offset` of `target`. */
export function writeFrameHeader(
  target: Uint8Array,
  offset: number,
  type: number,
  lengthBytes: number,
): void {
  target[offset] = type;
  target[offset + 1] = 0;
  target[offset + 2] = 0;
  target[offset + 3] = 0;
  target[offset + 4] = (lengthBytes >>> 24) & 0xff;
  target[offset + 5] = (lengthBytes >>> 16) & 0xff;
  target[offset + 6] = (lengthBytes >>> 8) & 0xff;
  target[offset + 7] = lengthBytes & 0xff;
}

export function encodeFrame(type: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameHeaderBytes + payload.length);
  writeFrameHeader(frame, 0, type, payload.length);
  frame.set(payload, frameHeaderBytes);
  return frame;
}

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder();
const nothing = new Uint8Array(0);

export function encodeJsonFrame(type: number, value: unknown): Uint8Array {
  return encodeFrame(type, textEncoder.encode(JSON.stringify(value)));
}

/** The text of a control frame. */
export function frameText(payload: Uint8Array): string {
  return textDecoder.decode(payload);
}

export interface FrameHandlers {
  /** A piece of stream `type` (stdin, stdout, stderr, systemError); never empty. Not valid after the call. */
  part(type: number, piece: Uint8Array): void;
  /** A complete control frame. */
  control(type: number, payload: Uint8Array): void;
}

/** Cuts a byte stream into frames, whatever the pieces it arrives in. */
export class FrameDecoder {
  readonly #handlers: FrameHandlers;
  readonly #header = new Uint8Array(frameHeaderBytes);
  #headerFilled = 0;
  #remaining = 0;
  #payload: Uint8Array | undefined;
  #payloadFilled = 0;

  constructor(handlers: FrameHandlers) {
    this.#handlers = handlers;
  }

  /** True between frames: ending here is orderly. */
  get aligned(): boolean {
    return this.#headerFilled === 0;
  }

  /** Throws `invalid` `stream.frame-invalid` on a header that is none, after which the decoder is of no use. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#headerFilled < frameHeaderBytes) {
        const piece = chunk.subarray(at, at + frameHeaderBytes - this.#headerFilled);
        this.#header.set(piece, this.#headerFilled);
        this.#headerFilled += piece.length;
        at += piece.length;
        if (this.#headerFilled < frameHeaderBytes) return;
        this.#begin();
        continue;
      }
      const piece = chunk.subarray(at, at + this.#remaining);
      at += piece.length;
      this.#remaining -= piece.length;
      this.#take(piece);
    }
  }

  #begin(): void {
    const [type = 0, a = 0, b = 0, c = 0, l0 = 0, l1 = 0, l2 = 0, l3 = 0] = this.#header;
    const length = l0 * 0x1000000 + l1 * 0x10000 + l2 * 0x100 + l3;
    if (a !== 0 || b !== 0 || c !== 0) {
      throw new TiffinError(
        "invalid",
        "stream.frame-invalid",
        `invalid frame header: padding ${a} ${b} ${c}`,
      );
    }
    if (type > lastStreamType) {
      if (length > limitControlBytes) {
        throw new TiffinError(
          "invalid",
          "stream.frame-invalid",
          `invalid frame of type ${type}: ${length} bytes, at most ${limitControlBytes} wanted`,
        );
      }
      this.#payload = new Uint8Array(length);
      this.#payloadFilled = 0;
    }
    this.#remaining = length;
    if (length === 0) this.#take(nothing);
  }

  #take(piece: Uint8Array): void {
    const type = this.#header[0] ?? 0;
    const payload = this.#payload;
    const complete = this.#remaining === 0;
    // The next frame starts clean even when a handler below throws.
    if (complete) {
      this.#headerFilled = 0;
      this.#payload = undefined;
    }
    if (payload === undefined) {
      if (piece.length > 0) this.#handlers.part(type, piece);
      return;
    }
    payload.set(piece, this.#payloadFilled);
    this.#payloadFilled += piece.length;
    if (complete) this.#handlers.control(type, payload);
  }
}
