/** From what a handler answers to an HTTP reply: one branch per kind of result; a route cannot choose its own status or form. */
import { createHash } from "node:crypto";
import { encodeHeaders, type HeaderShape, type HeadersOf } from "../docker/header.ts";
import type { Result, TakeoverProtocol } from "../docker/route.ts";
import { lowerResponse, streamMediaType } from "../docker/versions/mod.ts";
import { TiffinError } from "../lib/errors.ts";
import { formatExactJson } from "../lib/exact-json.ts";
import { formatLasting } from "../lib/lasting-json.ts";
import type { FixedReply, HeaderList, HttpReply, HttpRequest } from "../transport/http-message.ts";
import type {
  HijackAnswer,
  LinesAnswer,
  RawAnswer,
  SessionAnswer,
  StreamAnswer,
  TextAnswer,
} from "./handler.ts";
import type { Matched } from "./read-request.ts";

export const jsonType = ["Content-Type", "application/json"] as const;
const framesMediaType = "application/vnd.tiffin.frames";
const websocketVersion = "13";
/** RFC 6455 section 1.3. */
const websocketGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export function fixedReply(status: number, headers: HeaderList, body: FixedReply["body"]): FixedReply {
  return { kind: "fixed", status, headers, body };
}

/** Refuses a request for a connection that its client did not ask to change. Called before the handler does anything. */
export function checkTakeover(result: Result, request: HttpRequest, path: string): void {
  const { upgrade, headers } = request.head;
  if (result.kind === "session" && upgrade === undefined) {
    throw new TiffinError("invalid", "api.upgrade-wanted", `${path} needs a connection that is upgraded`);
  }
  if (result.kind !== "hijack" || result.protocol === "tcp") return;
  if (upgrade !== result.protocol) {
    throw new TiffinError(
      "invalid",
      "api.upgrade-wanted",
      `${path} needs a connection that is upgraded to ${result.protocol}, found ${upgrade ?? "no Upgrade"}`,
    );
  }
  if (result.protocol !== "websocket") return;
  const version = headers.get("sec-websocket-version");
  const key = headers.get("sec-websocket-key");
  if (version !== websocketVersion || key === undefined || !/^[A-Za-z0-9+/]{22}==$/.test(key)) {
    throw new TiffinError(
      "invalid",
      "api.websocket-handshake",
      `${path} needs a WebSocket handshake of version ${websocketVersion} with a key of 16 bytes`,
    );
  }
}

/** @param common Header fields of every reply. @param answer What the handler of `matched.route` resolved to. */
export function replyOf(
  matched: Matched,
  request: HttpRequest,
  common: HeaderList,
  answer: unknown,
): HttpReply {
  const { minor, name } = matched;
  const { result } = matched.route;
  const lower = (document: unknown): string => `${formatExactJson(lowerResponse(name, minor, document))}\n`;
  // In every branch below: Handlers ties the handler's answer to the kind of its row's result.
  switch (result.kind) {
    case "empty":
      return fixedReply(result.status, common, "");
    case "text": {
      const { text, mediaType = "text/plain; charset=utf-8", headers } = answer as TextAnswer;
      return fixedReply(200, [...common, ["Content-Type", mediaType], ...headers], text);
    }
    case "head":
      return fixedReply(200, [...common, ...encodeHeaders(result.fields, fieldsOf(answer))], "");
    case "json": {
      const headers = [...common, jsonType];
      if (!result.later) {
        return fixedReply(result.status, headers, formatLasting(lowerResponse(name, minor, answer)));
      }
      const { later } = answer as { readonly later: Promise<unknown> };
      return { kind: "stream", status: result.status, headers, body: once(later, lower) };
    }
    case "lines": {
      const { lines, mediaType } = answer as LinesAnswer<unknown>;
      const headers: HeaderList = [...common, ["Content-Type", mediaType ?? "application/json"]];
      return { kind: "stream", status: 200, headers, body: each(lines, lower) };
    }
    case "raw": {
      const { bytes, fields } = answer as RawAnswer<HeaderShape>;
      const headers: HeaderList = [
        ...common,
        ["Content-Type", result.mediaType],
        ...encodeHeaders(result.fields, fields),
      ];
      return { kind: "stream", status: 200, headers, body: bytes };
    }
    case "stream": {
      const { tty, bytes } = answer as StreamAnswer;
      const headers: HeaderList = [...common, ["Content-Type", streamMediaType(minor, tty)]];
      return { kind: "stream", status: 200, headers, body: bytes };
    }
    case "hijack": {
      const taken = answer as HijackAnswer;
      if (taken === undefined) return fixedReply(200, common, "");
      const mediaType = result.protocol === "tcp" ? streamMediaType(minor, taken.tty) : undefined;
      const head = takeoverHead(request, result.protocol, mediaType, common);
      return { kind: "takeover", head: Buffer.from(head), apart: true, take: (client) => taken.take(client) };
    }
    case "session": {
      const { first, take } = answer as SessionAnswer;
      const head = takeoverHead(request, "tcp", framesMediaType, common);
      return { kind: "takeover", head: Buffer.concat([Buffer.from(head), first]), take };
    }
  }
}

function fieldsOf(answer: unknown): HeadersOf<HeaderShape> {
  // The answer of a `head` route is its fields.
  return answer as HeadersOf<HeaderShape>;
}

/** 101 where the client asked to upgrade, else Docker's older way: a 200 without length, then the bare stream. */
function takeoverHead(
  request: HttpRequest,
  protocol: TakeoverProtocol,
  mediaType: string | undefined,
  headers: HeaderList,
): string {
  const upgrade = request.head.upgrade !== undefined;
  let head = upgrade ? "HTTP/1.1 101 UPGRADED\r\n" : "HTTP/1.1 200 OK\r\n";
  if (mediaType !== undefined) head += `Content-Type: ${mediaType}\r\n`;
  if (upgrade) head += `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
  if (protocol === "websocket") {
    const key = request.head.headers.get("sec-websocket-key") ?? "";
    const accept = createHash("sha1").update(`${key}${websocketGuid}`).digest("base64");
    head += `Sec-WebSocket-Accept: ${accept}\r\n`;
  }
  for (const [name, value] of headers) head += `${name}: ${value}\r\n`;
  return `${head}\r\n`;
}

async function* once(
  document: Promise<unknown>,
  lower: (document: unknown) => string,
): AsyncGenerator<Uint8Array> {
  yield Buffer.from(lower(await document));
}

async function* each(
  lines: AsyncIterable<unknown>,
  lower: (document: unknown) => string,
): AsyncGenerator<Uint8Array> {
  for await (const line of lines) yield Buffer.from(lower(line));
}
