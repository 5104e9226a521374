/**
 * The messages of a control connection as bytes: {u32 type, u32 bodyBytes, body}, little-endian. A stream of bytes
 * may end in the middle of a message, so decoding returns what is left over.
 */
import { TiffinError } from "../lib/errors.ts";
import { limits, type MessageName, messages } from "./schema.ts";

export const messageHeaderBytes = 8;
const maxBodyBytes = 16 + limits.reportObjectBytes;
const timeBytes = 4;

/** The fields of one message. */
export type MessageFields<N extends MessageName> = {
  readonly [F in keyof (typeof messages)[N]["fields"]]: (typeof messages)[N]["fields"][F] extends "u64"
    ? bigint
    : number;
};

/**
 * A decoded message. `object` and `detail` are texts that only `failed` carries, `opTimes` numbers that follow `started`;
 * elsewhere they are empty.
 */
export type Message = {
  [N in MessageName]: {
    readonly name: N;
    readonly fields: MessageFields<N>;
    readonly object: string;
    readonly detail: string;
    readonly opTimes: Uint32Array;
  };
}[MessageName];

interface Kind {
  readonly name: MessageName;
  readonly type: number;
  readonly fields: readonly (readonly [string, "u32" | "u64"])[];
  readonly bytes: number;
}

// Object.entries loses the key type; the keys are exactly those of `messages`.
const names = Object.keys(messages) as MessageName[];
const kinds: readonly Kind[] = names.map((name) => {
  const fields = Object.entries<"u32" | "u64">(messages[name].fields);
  const bytes = fields.reduce((sum, [, width]) => sum + (width === "u64" ? 8 : 4), 0);
  return { name, type: messages[name].type, fields, bytes };
});
const kindsByName = new Map(kinds.map((kind) => [kind.name, kind]));
const kindsByType = new Map(kinds.map((kind) => [kind.type, kind]));

function malformed(text: string): never {
  throw new TiffinError("internal", "executor.malformed-message", text);
}

/** Encodes a message without trailing text. */
export function encodeMessage<N extends MessageName>(name: N, fields: MessageFields<N>): Uint8Array {
  const kind = kindsByName.get(name) ?? malformed(`there is no message ${name}`);
  const view = new DataView(new ArrayBuffer(messageHeaderBytes + kind.bytes));
  view.setUint32(0, kind.type, true);
  view.setUint32(4, kind.bytes, true);
  const values: Readonly<Record<string, number | bigint>> = fields;
  let offset = messageHeaderBytes;
  for (const [field, width] of kind.fields) {
    const value = values[field] ?? 0;
    if (width === "u64") view.setBigUint64(offset, BigInt(value), true);
    else view.setUint32(offset, Number(value), true);
    offset += width === "u64" ? 8 : 4;
  }
  return new Uint8Array(view.buffer);
}

function decodeBody(kind: Kind, body: Uint8Array): Message {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const fields: Record<string, number | bigint> = {};
  let offset = 0;
  for (const [field, width] of kind.fields) {
    fields[field] = width === "u64" ? view.getBigUint64(offset, true) : view.getUint32(offset, true);
    offset += width === "u64" ? 8 : 4;
  }
  const rest = body.subarray(offset);
  const [object = "", detail = ""] = kind.name === "failed" ? decoder.decode(rest).split("\0") : [];
  const opTimes = kind.name === "started" && rest.length > 0 ? new Uint32Array(rest.slice().buffer) : noTimes;
  // A decode border: the loop above filled exactly the fields that `messages` declares for this kind.
  return { name: kind.name, fields, object, detail, opTimes } as unknown as Message;
}

const decoder = new TextDecoder();
const noTimes = new Uint32Array(0);

function isRightSize({ name, bytes }: Kind, bodyBytes: number): boolean {
  if (name === "failed") return bodyBytes >= bytes && bodyBytes <= maxBodyBytes;
  const rest = bodyBytes - bytes;
  if (name === "started") return rest >= 0 && rest % timeBytes === 0 && rest <= limits.timedOps * timeBytes;
  return rest === 0;
}

/**
 * Takes the first message off `bytes`; undefined when it is not complete yet. `consumed` bytes were used.
 * Throws `executor.malformed-message` (internal) for an unknown type or a body of the wrong size.
 */
export function decodeMessage(
  bytes: Uint8Array,
): { readonly message: Message; readonly consumed: number } | undefined {
  if (bytes.length < messageHeaderBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = view.getUint32(0, true);
  const bodyBytes = view.getUint32(4, true);
  const kind = kindsByType.get(type) ?? malformed(`message type ${type} is unknown`);
  if (!isRightSize(kind, bodyBytes)) malformed(`message ${kind.name} has a body of ${bodyBytes} bytes`);
  const consumed = messageHeaderBytes + bodyBytes;
  if (bytes.length < consumed) return undefined;
  return { message: decodeBody(kind, bytes.subarray(messageHeaderBytes, consumed)), consumed };
}
