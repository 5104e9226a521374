/**
 * The head of an HTTP/1.1 request, bytes in, value out (RFC 9112). Strict where leniency lets two parsers disagree about
 * where a request ends: lines end with CR LF only, no folded lines, no space before the colon, at most one
 * Content-Length of plain digits, no Transfer-Encoding but `chunked`, never both.
 */
import { HttpProblem } from "./http-problem.ts";

export const limitHeadBytes = 64 * 1024;
export const limitHeaderCount = 100;
const limitTargetBytes = 16 * 1024;

export type BodyLength = { readonly kind: "length"; readonly bytes: number } | { readonly kind: "chunked" };

export interface RequestHead {
  readonly method: string;
  /** Path and query as sent, in origin form. */
  readonly target: string;
  /** 1 for HTTP/1.1, 0 for HTTP/1.0. */
  readonly minorVersion: 0 | 1;
  /** Names in lower case; repeated fields joined with `, `. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: BodyLength;
  /** The client allows another request on this connection. */
  readonly keepAlive: boolean;
  /** The client wants `100 Continue` before it sends the body. */
  readonly expectContinue: boolean;
  /** The protocol the client wants to change to, in lower case. */
  readonly upgrade: string | undefined;
}

const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP\/([0-9])\.([0-9])$/;
const headerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is its purpose
const forbiddenInValue = /[\x00-\x08\x0a-\x1f\x7f]/;
/** Fields of which a second one is an attack or a mistake. */
const singular: ReadonlySet<string> = new Set([
  "content-length",
  "transfer-encoding",
  "host",
  "content-type",
]);

function parseHeaders(lines: readonly string[]): Map<string, string> {
  if (lines.length > limitHeaderCount) {
    throw new HttpProblem(
      431,
      `request has ${lines.length} header fields, at most ${limitHeaderCount} wanted`,
    );
  }
  const headers = new Map<string, string>();
  for (const line of lines) {
    const match = headerLine.exec(line);
    const name = match?.[1]?.toLowerCase();
    const value = match?.[2]?.trimEnd();
    if (name === undefined || value === undefined || forbiddenInValue.test(value)) {
      throw new HttpProblem(400, "malformed header field");
    }
    const earlier = headers.get(name);
    if (earlier !== undefined && singular.has(name))
      throw new HttpProblem(400, `repeated header field ${name}`);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return headers;
}

function bodyLength(headers: ReadonlyMap<string, string>, minorVersion: 0 | 1): BodyLength {
  const length = headers.get("content-length");
  const encoding = headers.get("transfer-encoding");
  if (encoding !== undefined) {
    if (length !== undefined) throw new HttpProblem(400, "both Content-Length and Transfer-Encoding");
    if (minorVersion === 0) throw new HttpProblem(400, "Transfer-Encoding in HTTP/1.0");
    if (encoding.toLowerCase() !== "chunked") throw new HttpProblem(501, "unsupported Transfer-Encoding");
    return { kind: "chunked" };
  }
  if (length === undefined) return { kind: "length", bytes: 0 };
  if (!/^[0-9]{1,15}$/.test(length)) throw new HttpProblem(400, "malformed Content-Length");
  return { kind: "length", bytes: Number(length) };
}

function originForm(target: string): string {
  if (target.length > limitTargetBytes) throw new HttpProblem(414, "request target too long");
  if (target.startsWith("/")) return target;
  const absolute = /^https?:\/\/[^/?#]*(\/[^#]*)?$/i.exec(target);
  if (absolute === null) throw new HttpProblem(400, "malformed request target");
  return absolute[1] ?? "/";
}

/** @param text Everything before the empty line, one character per byte. Throws `HttpProblem`. */
export function parseRequestHead(text: string): RequestHead {
  const [first = "", ...lines] = text.split("\r\n");
  const match = requestLine.exec(first);
  if (match === null) throw new HttpProblem(400, "malformed request line");
  const [, method = "", target = "", major, minor] = match;
  if (major !== "1") throw new HttpProblem(505, "HTTP version not supported");
  const minorVersion = minor === "0" ? 0 : 1;
  const headers = parseHeaders(lines);
  const connection = (headers.get("connection") ?? "").toLowerCase().split(/[ \t]*,[ \t]*/);
  const expect = headers.get("expect");
  if (expect !== undefined && expect.toLowerCase() !== "100-continue") {
    throw new HttpProblem(417, "unsupported Expect");
  }
  return {
    method,
    target: originForm(target),
    minorVersion,
    headers,
    body: bodyLength(headers, minorVersion),
    keepAlive: minorVersion === 1 ? !connection.includes("close") : connection.includes("keep-alive"),
    expectContinue: expect !== undefined && minorVersion === 1,
    upgrade: connection.includes("upgrade") ? headers.get("upgrade")?.toLowerCase() : undefined,
  };
}

/** Where the empty line after a head begins in `bytes`, or -1; the search starts at `from`. */
export function findHeadEnd(bytes: Uint8Array, from: number): number {
  for (let at = Math.max(0, from); ; at += 1) {
    at = bytes.indexOf(13, at);
    if (at === -1 || at + 3 >= bytes.length) return -1;
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
}
