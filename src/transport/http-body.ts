/**
 * The body of an HTTP/1.1 message, of a request and of an answer, out of the bytes of a connection: a fixed length, chunks, or
 * all that comes before the connection closes (RFC 9112 sections 6.3 and 7.1). Incremental: bytes may arrive in any pieces, and
 * what follows the body is left to the caller.
 */
import { HttpProblem } from "./http-problem.ts";

/** How the end of a body is found. Only an answer may last until its connection closes. */
export type BodyFraming =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "untilClose" };

/** A chunk's size line or a trailer line may have this many bytes; all trailers together sixteen times as many. */
const limitLineBytes = 1024;

type Phase = "data" | "size" | "afterChunk" | "trailer" | "done";

export class BodyDecoder {
  readonly #chunked: boolean;
  #phase: Phase;
  #remaining: number;
  #line = "";
  #trailerBytes = 0;

  constructor(framing: BodyFraming) {
    this.#chunked = framing.kind === "chunked";
    this.#remaining =
      framing.kind === "length"
        ? framing.bytes
        : framing.kind === "untilClose"
          ? Number.POSITIVE_INFINITY
          : 0;
    this.#phase = this.#chunked ? "size" : this.#remaining === 0 ? "done" : "data";
  }

  get done(): boolean {
    return this.#phase === "done";
  }

  /** The connection has closed. False when that cuts the body short. */
  finish(): boolean {
    if (this.#phase === "data" && this.#remaining === Number.POSITIVE_INFINITY) this.#phase = "done";
    return this.done;
  }

  /** Passes body bytes to `sink` (views of `chunk`) and returns how many bytes of `chunk` belong to the body. */
  push(chunk: Uint8Array, sink: (piece: Uint8Array) => void): number {
    let at = 0;
    while (at < chunk.length && this.#phase !== "done") {
      if (this.#phase === "data") {
        const piece = chunk.subarray(at, at + this.#remaining);
        at += piece.length;
        this.#remaining -= piece.length;
        if (this.#remaining === 0) this.#phase = this.#chunked ? "afterChunk" : "done";
        sink(piece);
        continue;
      }
      const newline = chunk.indexOf(10, at);
      const end = newline === -1 ? chunk.length : newline + 1;
      if (this.#line.length + end - at > limitLineBytes) throw new HttpProblem(400, "chunk line too long");
      for (const byte of chunk.subarray(at, end)) this.#line += String.fromCharCode(byte);
      at = end;
      if (newline !== -1) this.#endLine();
    }
    return at;
  }

  #endLine(): void {
    const line = this.#line;
    this.#line = "";
    if (!line.endsWith("\r\n")) throw new HttpProblem(400, "malformed chunk");
    switch (this.#phase) {
      case "afterChunk":
        if (line !== "\r\n") throw new HttpProblem(400, "malformed chunk");
        this.#phase = "size";
        return;
      case "size": {
        const size = /^([0-9a-fA-F]{1,12})[ \t]*(?:;[^\r\n]*)?\r\n$/.exec(line)?.[1];
        if (size === undefined) throw new HttpProblem(400, "malformed chunk size");
        this.#remaining = Number.parseInt(size, 16);
        this.#phase = this.#remaining === 0 ? "trailer" : "data";
        return;
      }
      case "trailer":
        this.#trailerBytes += line.length;
        if (this.#trailerBytes > 16 * limitLineBytes) throw new HttpProblem(400, "trailers too long");
        if (line === "\r\n") this.#phase = "done";
        return;
      case "data":
      case "done":
        return;
    }
  }
}
