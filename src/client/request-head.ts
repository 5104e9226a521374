/** Writes requests. One buffer per request, so that a small one is one packet; an upload follows it in chunks. */
import { formatExactJson } from "../lib/exact-json.ts";
import type { RequestSpec } from "./transport.ts";

const encoder = new TextEncoder();

/** The bytes of a request, body included. `upgrade` adds what asks for a raw stream afterwards. */
export function encodeRequest(spec: RequestSpec, options: { readonly upgrade: boolean }): Uint8Array {
  const body = spec.body === undefined ? undefined : encoder.encode(formatExactJson(spec.body));
  let head = `${spec.method} ${spec.path} HTTP/1.1\r\nHost: tiffin\r\n`;
  head += options.upgrade ? "Connection: Upgrade\r\nUpgrade: tcp\r\n" : "";
  for (const [name, value] of spec.headers ?? []) head += `${name}: ${value}\r\n`;
  if (spec.upload !== undefined) head += "Transfer-Encoding: chunked\r\n";
  else if (body !== undefined) head += `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  else if (spec.method === "POST" || spec.method === "PUT") head += "Content-Length: 0\r\n";
  const headBytes = encoder.encode(`${head}\r\n`);
  if (body === undefined) return headBytes;
  const whole = new Uint8Array(headBytes.length + body.length);
  whole.set(headBytes);
  whole.set(body, headBytes.length);
  return whole;
}

/** What ends an upload. */
export const lastChunk = encoder.encode("0\r\n\r\n");
