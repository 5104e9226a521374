/**
 * Reads HTTP/1.1 responses from byte chunks. Strict: one spelling of everything, and what the engine would never send
 * (folded lines, two lengths, a length beside chunks) is an error rather than a guess. Pure: bytes in, events out.
 */
import { TiffinError } from "../lib/errors.ts";
import type { ResponseHead } from "./transport.ts";

const maxHeadBytes = 64 * 1024;
const maxChunkLineBytes = 1024;
const cr = 13;
const lf = 10;

export type BodyFraming =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "untilClose" };

function broken(what: string): TiffinError {
  return new TiffinError("internal", "client.malformed-response", `the engine's answer is not HTTP: ${what}`);
}

/** Index just after the empty line that ends the head, or -1 while it is incomplete. */
export function headEnd(bytes: Uint8Array): number {
  for (let at = 3; at < bytes.length; at += 1) {
    if (bytes[at] === lf && bytes[at - 1] === cr && bytes[at - 2] === lf && bytes[at - 3] === cr)
      return at + 1;
  }
  if (bytes.length > maxHeadBytes) throw broken(`no end of head in ${maxHeadBytes} bytes`);
  return -1;
}

/** The status of `HTTP/1.1 NNN ...`. */
function statusOf(line: string): number {
  const status = Number(line.slice(9, 12));
  const known = line.startsWith("HTTP/1.1 ") || line.startsWith("HTTP/1.0 ");
  const ended = line.length === 12 || line[12] === " ";
  if (!known || !ended || !Number.isInteger(status) || status < 100 || status > 599) {
    throw broken(`status line ${JSON.stringify(line.slice(0, 80))}`);
  }
  return status;
}

/** Decodes the bytes before `headEnd`. */
export function decodeHead(bytes: Uint8Array): ResponseHead {
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1").split("\r\n");
  const status = statusOf(lines[0] ?? "");
  const headers = new Map<string, string>();
  for (let index = 1; index < lines.length - 2; index += 1) {
    const line = lines[index] ?? "";
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    if (colon < 1 || name.includes(" ") || name.includes("\t")) {
      throw broken(`header line ${JSON.stringify(line.slice(0, 80))}`);
    }
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    if (before !== undefined && name === "content-length") throw broken("two Content-Length headers");
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { status, headers };
}

/** How the body's end is found. */
export function bodyFraming(head: ResponseHead, method: string): BodyFraming {
  if (method === "HEAD" || head.status === 204 || head.status === 304 || head.status < 200) {
    return { kind: "length", bytes: 0 };
  }
  const coding = head.headers.get("transfer-encoding");
  const length = head.headers.get("content-length");
  if (coding !== undefined) {
    if (coding.toLowerCase() !== "chunked") throw broken(`Transfer-Encoding ${JSON.stringify(coding)}`);
    if (length !== undefined) throw broken("both Content-Length and Transfer-Encoding");
    return { kind: "chunked" };
  }
  if (length === undefined) return { kind: "untilClose" };
  if (!/^\d{1,15}$/.test(length)) throw broken(`Content-Length ${JSON.stringify(length)}`);
  return { kind: "length", bytes: Number(length) };
}

/** Takes the framing off a body. Feed it in order; it says when the body is complete. */
export class BodyDecoder {
  readonly #framing: BodyFraming;
  #remaining: number;
  #state: "size" | "data" | "dataEnd" | "trailer" | "done" = "size";
  #line = "";

  constructor(framing: BodyFraming) {
    this.#framing = framing;
    this.#remaining = framing.kind === "length" ? framing.bytes : 0;
    if (framing.kind === "length" && framing.bytes === 0) this.#state = "done";
  }

  get done(): boolean {
    return this.#state === "done";
  }

  /** Calls `emit` with views into `bytes`: they are valid only during the call. Bytes after the end are an error. */
  push(bytes: Uint8Array, emit: (chunk: Uint8Array) => void): void {
    if (bytes.length === 0) return;
    if (this.#state === "done") throw broken("bytes after the end of the body");
    if (this.#framing.kind === "chunked") this.#pushChunked(bytes, emit);
    else {
      if (this.#framing.kind === "length") this.#count(bytes.length);
      emit(bytes);
    }
  }

  #count(length: number): void {
    if (length > this.#remaining) throw broken("bytes after the end of the body");
    this.#remaining -= length;
    if (this.#remaining === 0) this.#state = "done";
  }

  /** The peer closed: fine for a body without a length, a loss for every other. */
  finish(): void {
    if (this.#framing.kind === "untilClose") this.#state = "done";
    if (this.#state === "done") return;
    throw new TiffinError(
      "unavailable",
      "client.connection-lost",
      "the engine closed the connection in mid-answer",
    );
  }

  #pushChunked(bytes: Uint8Array, emit: (chunk: Uint8Array) => void): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "done") throw broken("bytes after the end of the body");
      if (this.#state === "data") {
        const take = Math.min(this.#remaining, bytes.length - at);
        this.#remaining -= take;
        if (this.#remaining === 0) this.#state = "dataEnd";
        emit(bytes.subarray(at, at + take));
        at += take;
        continue;
      }
      const newline = bytes.indexOf(lf, at);
      const end = newline < 0 ? bytes.length : newline + 1;
      this.#line += String.fromCharCode(...bytes.subarray(at, Math.min(end, at + maxChunkLineBytes + 1)));
      if (this.#line.length > maxChunkLineBytes) throw broken("a chunk header without end");
      at = end;
      if (newline < 0) return;
      const line = this.#line;
      this.#line = "";
      this.#endLine(line);
    }
  }

  #endLine(line: string): void {
    if (!line.endsWith("\r\n")) throw broken("a chunk header that does not end in CR LF");
    const text = line.slice(0, -2);
    if (this.#state === "dataEnd") {
      if (text !== "") throw broken("data beyond the end of a chunk");
      this.#state = "size";
    } else if (this.#state === "trailer") {
      if (text === "") this.#state = "done";
    } else {
      const size = /^([0-9a-fA-F]{1,8})(?:[ \t]*;.*)?$/.exec(text)?.[1];
      if (size === undefined) throw broken(`chunk header ${JSON.stringify(text.slice(0, 40))}`);
      this.#remaining = Number.parseInt(size, 16);
      this.#state = this.#remaining === 0 ? "trailer" : "data";
    }
  }
}
