/**
 * Netlink messages as bytes: the 16-byte header, the type-length-value attributes that follow it, and how many
 * messages share one datagram. Pure; host byte order is little-endian on every machine that Tiffin runs on, and
 * network byte order is asked for by name. netlink(7)
 */
import { netlinkLimits } from "./limits.ts";

export const messageHeaderBytes = 16;
const attributeHeaderBytes = 4;
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER are not part of the type. */
const attributeTypeMask = 0x3fff;
const nestedFlag = 0x8000;

export const messageTypes = { error: 2, done: 3, overrun: 4 } as const;

/** NLM_F_*: some bits mean different things for get and new requests, and in replies. */
export const messageFlags = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  echo: 0x8,
  dumpInterrupted: 0x10,
  dump: 0x300,
  replace: 0x100,
  excl: 0x200,
  create: 0x400,
  append: 0x800,
  capped: 0x100,
  ackTlvs: 0x200,
} as const;

/** A request before it has a sequence number. */
export interface NetlinkRequest {
  readonly type: number;
  readonly flags: number;
  /** What the request is about, for error texts: `link eth0`, `route default`. */
  readonly object: string;
  /** Appends the family header and the attributes. */
  body(writer: MessageWriter): void;
}

const encoder = new TextEncoder();
const initialBytes = 4096;
const keptBytes = 64 * 1024;

function aligned(length: number): number {
  return (length + 3) & ~3;
}

/** Appends requests to one growing datagram. */
export class MessageWriter {
  #bytes = new Uint8Array(initialBytes);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Appends one whole message. */
  message(request: NetlinkRequest, sequence: number): void {
    const start = this.#length;
    this.#reserve(messageHeaderBytes);
    this.#length += messageHeaderBytes;
    request.body(this);
    this.#view.setUint32(start, this.#length - start, true);
    this.#view.setUint16(start + 4, request.type, true);
    this.#view.setUint16(start + 6, request.flags, true);
    this.#view.setUint32(start + 8, sequence, true);
    this.#view.setUint32(start + 12, 0, true);
  }

  /** The datagram so far; valid until the next append or `clear`. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Begins a new datagram in the same memory. */
  clear(): void {
    this.#length = 0;
    // One huge transaction must not hold its memory for ever.
    if (this.#bytes.length > keptBytes) this.#allocate(initialBytes);
  }

  /** Raw bytes outside any attribute (family headers), padded to 4. */
  raw(bytes: ArrayLike<number>): void {
    this.#reserve(aligned(bytes.length));
    this.#bytes.set(bytes, this.#length);
    this.#length += aligned(bytes.length);
  }

  bytes(type: number, value: Uint8Array): void {
    const at = this.#attribute(type, value.length);
    this.#bytes.set(value, at);
  }

  u8(type: number, value: number): void {
    const at = this.#attribute(type, 1);
    this.#view.setUint8(at, checked(value, 0xff));
  }

  u16(type: number, value: number): void {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, checked(value, 0xffff), true);
  }

  u16be(type: number, value: number): void {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, checked(value, 0xffff), false);
  }

  u32(type: number, value: number): void {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, checked(value, 0xffff_ffff), true);
  }

  u32be(type: number, value: number): void {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, checked(value, 0xffff_ffff), false);
  }

  /** Signed, network byte order (nftables priorities and verdicts). */
  i32be(type: number, value: number): void {
    if (!Number.isInteger(value) || value < -(2 ** 31) || value >= 2 ** 31) {
      throw new RangeError(`netlink attribute value ${value} is not a 32-bit integer`);
    }
    const at = this.#attribute(type, 4);
    this.#view.setInt32(at, value, false);
  }

  u64be(type: number, value: bigint): void {
    const at = this.#attribute(type, 8);
    this.#view.setBigUint64(at, value, false);
  }

  /** A flag attribute: present, no value. */
  flag(type: number): void {
    this.#attribute(type, 0);
  }

  /** NUL-terminated. */
  string(type: number, value: string): void {
    const encoded = encoder.encode(value);
    const at = this.#attribute(type, encoded.length + 1);
    this.#bytes.set(encoded, at);
  }

  /** Attributes inside an attribute. */
  nest(type: number, inside: () => void): void {
    const start = this.#length;
    this.#attribute(type | nestedFlag, 0);
    inside();
    const length = this.#length - start;
    if (length > netlinkLimits.attributeBytes) {
      throw new RangeError(`netlink attribute ${type} is ${length} bytes, the wire takes 65535`);
    }
    this.#view.setUint16(start, length, true);
  }

  /** Returns where the payload goes. Growing replaces the view: call this before touching it. */
  #attribute(type: number, payloadBytes: number): number {
    const length = attributeHeaderBytes + payloadBytes;
    if (length > netlinkLimits.attributeBytes) {
      throw new RangeError(`netlink attribute ${type} is ${length} bytes, the wire takes 65535`);
    }
    this.#reserve(aligned(length));
    const start = this.#length;
    this.#view.setUint16(start, length, true);
    this.#view.setUint16(start + 2, type, true);
    this.#length += aligned(length);
    return start + attributeHeaderBytes;
  }

  /** Room for `more` bytes, all zero: padding and terminators rely on it. */
  #reserve(more: number): void {
    const wanted = this.#length + more;
    if (wanted > netlinkLimits.requestBytes) {
      throw new RangeError(
        `a netlink request of ${wanted} bytes is over the limit of ${netlinkLimits.requestBytes}`,
      );
    }
    if (wanted > this.#bytes.length) {
      const before = this.#bytes.subarray(0, this.#length);
      this.#allocate(Math.max(wanted, this.#bytes.length * 2));
      this.#bytes.set(before);
    }
    this.#bytes.fill(0, this.#length, wanted);
  }

  #allocate(bytes: number): void {
    this.#bytes = new Uint8Array(bytes);
    this.#view = new DataView(this.#bytes.buffer);
  }
}

function checked(value: number, maximum: number): number {
  if (!Number.isInteger(value) || value < 0 || value > maximum) {
    throw new RangeError(`netlink attribute value ${value} is not an integer from 0 to ${maximum}`);
  }
  return value;
}

/**
 * All requests in one datagram; the first has sequence number `firstSequence`, the next ones follow. The result lives
 * in `writer` until that is used again.
 */
export function encodeRequests(
  requests: readonly NetlinkRequest[],
  firstSequence: number,
  writer: MessageWriter = new MessageWriter(),
): Uint8Array {
  writer.clear();
  requests.forEach((request, index) => {
    writer.message(request, (firstSequence + index) >>> 0);
  });
  return writer.finish();
}

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Whose request it answers or tells of: a netlink port. */
  readonly port: number;
  /** What follows the header; a view into the datagram. */
  readonly payload: Uint8Array;
}

/** Bytes that are not what netlink(7) allows. */
export class NetlinkDecodeError extends Error {
  override readonly name = "NetlinkDecodeError";
}

/** Splits a datagram. Every length is checked against the bytes that are there. */
export function decodeMessages(datagram: Uint8Array): NetlinkMessage[] {
  const view = viewOf(datagram);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at < datagram.length; ) {
    if (datagram.length - at < messageHeaderBytes) {
      throw new NetlinkDecodeError(`netlink message header cut off: ${datagram.length - at} of 16 bytes`);
    }
    const length = view.getUint32(at, true);
    if (length < messageHeaderBytes || length > datagram.length - at) {
      throw new NetlinkDecodeError(`netlink message says ${length} bytes, ${datagram.length - at} are there`);
    }
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      port: view.getUint32(at + 12, true),
      payload: datagram.subarray(at + messageHeaderBytes, at + length),
    });
    at += aligned(length);
  }
  return messages;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * The attributes of one nesting level. A later attribute of the same type wins, as in the kernel's own parser;
 * `each` sees all of them in order (lists).
 */
export class Attributes {
  readonly #byType = new Map<number, Uint8Array>();
  readonly #inOrder: { readonly type: number; readonly value: Uint8Array }[] = [];
  readonly #depth: number;

  constructor(bytes: Uint8Array, depth = 0) {
    if (depth > netlinkLimits.attributeDepth) {
      throw new NetlinkDecodeError(
        `netlink attributes are nested deeper than ${netlinkLimits.attributeDepth}`,
      );
    }
    this.#depth = depth;
    const view = viewOf(bytes);
    for (let at = 0; at < bytes.length; ) {
      // Fewer than a header's bytes can only be padding of the last attribute.
      if (bytes.length - at < attributeHeaderBytes) break;
      const length = view.getUint16(at, true);
      if (length < attributeHeaderBytes || length > bytes.length - at) {
        throw new NetlinkDecodeError(
          `netlink attribute says ${length} bytes, ${bytes.length - at} are there`,
        );
      }
      const type = view.getUint16(at + 2, true) & attributeTypeMask;
      const value = bytes.subarray(at + attributeHeaderBytes, at + length);
      this.#byType.set(type, value);
      this.#inOrder.push({ type, value });
      at += aligned(length);
    }
  }

  has(type: number): boolean {
    return this.#byType.has(type);
  }

  bytes(type: number): Uint8Array | undefined {
    return this.#byType.get(type);
  }

  u8(type: number): number | undefined {
    return this.#fixed(type, 1)?.getUint8(0);
  }

  u16(type: number): number | undefined {
    return this.#fixed(type, 2)?.getUint16(0, true);
  }

  u16be(type: number): number | undefined {
    return this.#fixed(type, 2)?.getUint16(0, false);
  }

  u32(type: number): number | undefined {
    return this.#fixed(type, 4)?.getUint32(0, true);
  }

  u32be(type: number): number | undefined {
    return this.#fixed(type, 4)?.getUint32(0, false);
  }

  i32be(type: number): number | undefined {
    return this.#fixed(type, 4)?.getInt32(0, false);
  }

  u64be(type: number): bigint | undefined {
    return this.#fixed(type, 8)?.getBigUint64(0, false);
  }

  string(type: number): string | undefined {
    const value = this.#byType.get(type);
    if (value === undefined) return undefined;
    const end = value.indexOf(0);
    return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
  }

  nested(type: number): Attributes | undefined {
    const value = this.#byType.get(type);
    return value === undefined ? undefined : new Attributes(value, this.#depth + 1);
  }

  /** Every attribute of this level, in wire order, read as a nest. */
  eachNested(type: number): Attributes[] {
    return this.#inOrder
      .filter((attribute) => attribute.type === type)
      .map((attribute) => new Attributes(attribute.value, this.#depth + 1));
  }

  #fixed(type: number, bytes: number): DataView | undefined {
    const value = this.#byType.get(type);
    if (value === undefined) return undefined;
    if (value.length < bytes) {
      throw new NetlinkDecodeError(`netlink attribute ${type} has ${value.length} bytes, wanted ${bytes}`);
    }
    return viewOf(value);
  }
}
