/** Messages of D-Bus (specification, "Message Protocol"): calls out, replies, errors and signals in. */
import { DbusFormatError, parseSignature } from "./signature.ts";
import { DbusReader, type DbusValue, DbusWriter, variant } from "./value.ts";

const types = { call: 1, reply: 2, error: 3, signal: 4 } as const;
const fieldCodes = {
  path: 1,
  interface: 2,
  member: 3,
  errorName: 4,
  replySerial: 5,
  destination: 6,
  sender: 7,
  signature: 8,
} as const;
const littleEndian = 0x6c;
const bigEndian = 0x42;
const protocolVersion = 1;
/** The fixed part and the length of the fields. */
const fixedBytes = 16;
const messageLimitBytes = 128 * 1024 * 1024;

export interface DbusCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly DbusValue[];
}

export interface DbusMessage {
  readonly kind: "call" | "reply" | "error" | "signal";
  readonly serial: number;
  /** Of the call that a reply or an error answers; 0 for others. */
  readonly replySerial: number;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly errorName: string;
  readonly body: readonly DbusValue[];
}

/** A method call as bytes. `serial` is not 0. Throws `DbusFormatError` when the body does not fit its signature. */
export function encodeCall(call: DbusCall, serial: number): Uint8Array {
  const { signature = "", body = [] } = call;
  const content = new DbusWriter();
  const bodyTypes = parseSignature(signature);
  if (bodyTypes.length !== body.length) throw new DbusFormatError(`${body.length} values for ${signature}`);
  for (const [index, type] of bodyTypes.entries()) content.value(type, body[index] ?? "");
  const fields: DbusValue[] = [
    [fieldCodes.path, variant("o", call.path)],
    [fieldCodes.interface, variant("s", call.interface)],
    [fieldCodes.member, variant("s", call.member)],
    [fieldCodes.destination, variant("s", call.destination)],
    ...(signature === "" ? [] : [[fieldCodes.signature, variant("g", signature)]]),
  ];
  const writer = new DbusWriter();
  writer.push([littleEndian, types.call, 0, protocolVersion]);
  writer.integer("u", BigInt(content.length));
  writer.integer("u", BigInt(serial));
  for (const type of parseSignature("a(yv)")) writer.value(type, fields);
  writer.align(8);
  writer.push(content.bytes);
  return writer.bytes;
}

/** How many bytes the first message takes; undefined while that cannot be told. Throws `DbusFormatError`. */
export function messageLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < fixedBytes) return undefined;
  if (bytes[0] !== littleEndian && bytes[0] !== bigEndian) throw new DbusFormatError("no D-Bus message");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isLittle = bytes[0] === littleEndian;
  const head = Math.ceil((fixedBytes + view.getUint32(12, isLittle)) / 8) * 8;
  const total = head + view.getUint32(4, isLittle);
  if (total > messageLimitBytes) throw new DbusFormatError(`a message of ${total} bytes`);
  return total;
}

function textField(fields: ReadonlyMap<number, DbusValue>, code: number): string {
  const value = fields.get(code);
  return typeof value === "string" ? value : "";
}

/** Reads one whole message. Throws `DbusFormatError`. */
export function decodeMessage(bytes: Uint8Array): DbusMessage {
  const isLittle = bytes[0] === littleEndian;
  const reader = new DbusReader(bytes, isLittle, 4);
  reader.uint32();
  const serial = reader.uint32();
  const fields = new Map<number, DbusValue>();
  for (const list of reader.values("a(yv)")) {
    for (const entry of isList(list) ? list : []) {
      const [code, value] = isList(entry) ? entry : [];
      if (typeof code === "number" && isVariant(value)) fields.set(code, value.value);
    }
  }
  reader.align(8);
  const kind = kindOf(bytes[1]);
  const replySerial = fields.get(fieldCodes.replySerial);
  return {
    kind,
    serial,
    replySerial: typeof replySerial === "number" ? replySerial : 0,
    path: textField(fields, fieldCodes.path),
    interface: textField(fields, fieldCodes.interface),
    member: textField(fields, fieldCodes.member),
    errorName: textField(fields, fieldCodes.errorName),
    body: reader.values(textField(fields, fieldCodes.signature)),
  };
}

function kindOf(number: number | undefined): DbusMessage["kind"] {
  for (const kind of ["call", "reply", "error", "signal"] as const) if (types[kind] === number) return kind;
  // Other types are to be ignored, says the specification; nobody waits for a call's member "".
  return "call";
}

function isList(value: DbusValue | undefined): value is readonly DbusValue[] {
  return typeof value === "object" && !(value instanceof Uint8Array) && !("signature" in value);
}

function isVariant(value: DbusValue | undefined): value is { signature: string; value: DbusValue } {
  return typeof value === "object" && "signature" in value;
}
