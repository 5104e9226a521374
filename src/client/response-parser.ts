/**
 * Reads HTTP/1.1 responses from byte chunks. Strict: one spelling of everything, and what the engine would never send
 * (folded lines, two lengths, a length beside chunks) is an error rather than a guess. Pure: bytes in, events out.
 */
import { TiffinError } from "../lib/errors.ts";
import { BodyDecoder, type BodyFraming } from "../transport/http-body.ts";
import { HttpProblem } from "../transport/http-problem.ts";
import type { ResponseHead } from "./transport.ts";

const maxHeadBytes = 64 * 1024;
const cr = 13;
const lf = 10;

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

/** Takes the framing off the body of an answer. Feed it in order; it says when the body is complete. */
export class AnswerBody {
  readonly #decoder: BodyDecoder;

  constructor(framing: BodyFraming) {
    this.#decoder = new BodyDecoder(framing);
  }

  get done(): boolean {
    return this.#decoder.done;
  }

  /** Calls `emit` with views into `bytes`: they are valid only during the call. Bytes after the end are an error. */
  push(bytes: Uint8Array, emit: (chunk: Uint8Array) => void): void {
    let used: number;
    try {
      used = this.#decoder.push(bytes, emit);
    } catch (thrown) {
      if (thrown instanceof HttpProblem) throw broken(thrown.message);
      throw thrown;
    }
    if (used < bytes.length) throw broken("bytes after the end of the body");
  }

  /** The peer closed: fine for a body without a length, a loss for every other. */
  finish(): void {
    if (this.#decoder.finish()) return;
    throw new TiffinError(
      "unavailable",
      "client.connection-lost",
      "the engine closed the connection in mid-answer",
    );
  }
}
