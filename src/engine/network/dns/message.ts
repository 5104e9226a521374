/**
 * The little of DNS messages that a server of container names needs: the one question of a query, and answers of
 * addresses and names. What is for other servers goes through as bytes. Pure; bytes come from anybody. RFC 1035, 6891
 */

export const recordTypes = { a: 1, soa: 6, ptr: 12, aaaa: 28, opt: 41 } as const;
export const replyCodes = {
  none: 0,
  format: 1,
  failure: 2,
  noName: 3,
  notImplemented: 4,
  refused: 5,
} as const;
export type ReplyCode = keyof typeof replyCodes;

export const headerBytes = 12;
const longestLabel = 63;
const longestName = 255;
const leastUdpBytes = 512;
const mostUdpBytes = 4096;
const internet = 1;
/** Without options. */
const optBytes = 11;
/** The name of the root, and the size of datagrams that we take. */
const ownOpt = Uint8Array.of(
  0,
  0,
  recordTypes.opt,
  mostUdpBytes >>> 8,
  mostUdpBytes & 0xff,
  0,
  0,
  0,
  0,
  0,
  0,
);
/** The extended reply code 16 is 0 with this in the OPT record. */
const badVersion = 1;
const flagBits = {
  response: 0x8000,
  opcode: 0x7800,
  truncated: 0x0200,
  wantsRecursion: 0x0100,
  recursion: 0x0080,
};

export interface Question {
  /** Lower case, without a dot at its end. */
  readonly name: string;
  readonly type: number;
  /** Class IN. */
  readonly isInternet: boolean;
  /** Where the question ends in the message. */
  readonly end: number;
  /** How long an answer by UDP may be. */
  readonly udpBytes: number;
  /** The version of its extensions (EDNS); undefined: it has none. */
  readonly extension: number | undefined;
}

export type Parsed =
  | { readonly kind: "question"; readonly question: Question }
  /** A query that is answered with this code. */
  | { readonly kind: "bad"; readonly code: ReplyCode }
  /** Not even worth an answer. */
  | { readonly kind: "noise" };

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function messageId(bytes: Uint8Array): number {
  return bytes.length < 2 ? 0 : viewOf(bytes).getUint16(0);
}

/** The same message under another id. */
export function withId(bytes: Uint8Array, id: number): Uint8Array {
  const copy = bytes.slice();
  viewOf(copy).setUint16(0, id);
  return copy;
}

export function parseQuery(bytes: Uint8Array): Parsed {
  if (bytes.length < headerBytes) return { kind: "noise" };
  const view = viewOf(bytes);
  const flags = view.getUint16(2);
  if ((flags & flagBits.response) !== 0) return { kind: "noise" };
  if ((flags & flagBits.opcode) !== 0) return { kind: "bad", code: "notImplemented" };
  if (view.getUint16(4) !== 1) return { kind: "bad", code: "format" };
  const labels: string[] = [];
  let at = headerBytes;
  for (;;) {
    const length = bytes[at];
    // A question has nothing before it that it could point to.
    if (length === undefined || length > longestLabel) return { kind: "bad", code: "format" };
    at += 1;
    if (length === 0) break;
    if (at + length > bytes.length || at + length > headerBytes + longestName) {
      return { kind: "bad", code: "format" };
    }
    labels.push(String.fromCharCode(...bytes.subarray(at, at + length)).toLowerCase());
    at += length;
  }
  if (at + 4 > bytes.length) return { kind: "bad", code: "format" };
  const question: Question = {
    name: labels.join("."),
    type: view.getUint16(at),
    isInternet: view.getUint16(at + 2) === internet,
    end: at + 4,
    ...extensionOf(bytes, view, at + 4),
  };
  return { kind: "question", question };
}

/** Of an OPT record right after the question, where resolvers put it. */
function extensionOf(
  bytes: Uint8Array,
  view: DataView,
  at: number,
): Pick<Question, "udpBytes" | "extension"> {
  const isOpt =
    view.getUint16(10) > 0 &&
    at + optBytes <= bytes.length &&
    bytes[at] === 0 &&
    view.getUint16(at + 1) === recordTypes.opt;
  if (!isOpt) return { udpBytes: leastUdpBytes, extension: undefined };
  const udpBytes = Math.min(Math.max(view.getUint16(at + 3), leastUdpBytes), mostUdpBytes);
  return { udpBytes, extension: view.getUint8(at + 6) };
}

export function replyCodeOf(message: Uint8Array): number {
  return (message[3] ?? 0) & 0xf;
}

export interface AnswerTimes {
  /** How long the answer holds. */
  readonly seconds: number;
  /** Where in the message the times of its records are. */
  readonly fields: readonly { readonly at: number; readonly seconds: number }[];
}

/** Behind a name at `at`; undefined where there is none. */
function afterName(bytes: Uint8Array, at: number): number | undefined {
  let next = at;
  for (;;) {
    const length = bytes[next];
    if (length === undefined) return undefined;
    if (length === 0) return next + 1;
    if (length >= 0xc0) return next + 2;
    if (length > longestLabel) return undefined;
    next += 1 + length;
  }
}

/** Undefined: the answer is cut, not understood, or does not say how long it holds. */
export function answerTimes(answer: Uint8Array, { end }: Question): AnswerTimes | undefined {
  const view = viewOf(answer);
  if ((view.getUint16(2) & flagBits.truncated) !== 0) return undefined;
  const answers = view.getUint16(6);
  const count = answers + view.getUint16(8) + view.getUint16(10);
  const fields: { at: number; seconds: number }[] = [];
  let seconds = Number.POSITIVE_INFINITY;
  let says = answers > 0;
  let at = end;
  for (let index = 0; index < count; index += 1) {
    const head = afterName(answer, at);
    if (head === undefined || head + 10 > answer.length) return undefined;
    const type = view.getUint16(head);
    const next = head + 10 + view.getUint16(head + 8);
    if (next > answer.length) return undefined;
    if (type !== recordTypes.opt) {
      const own = view.getUint32(head + 4);
      fields.push({ at: head + 4, seconds: own });
      seconds = Math.min(seconds, own);
      if (type === recordTypes.soa && next - 4 >= head + 10) {
        // How long that there is nothing may be believed.
        if (answers === 0) seconds = Math.min(seconds, view.getUint32(next - 4));
        says = true;
      }
    }
    at = next;
  }
  return says ? { seconds, fields } : undefined;
}

/** Whether `answer` answers the question of `query`. */
export function isAnswerTo(answer: Uint8Array, query: Uint8Array, { end }: Question): boolean {
  if (answer.length < end) return false;
  const flags = viewOf(answer).getUint16(2);
  if ((flags & flagBits.response) === 0 || viewOf(answer).getUint16(4) !== 1) return false;
  for (let at = headerBytes; at < end; at += 1) {
    // Some servers write names in their own way.
    if (lower(answer[at]) !== lower(query[at])) return false;
  }
  return true;
}

function lower(byte = 0): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

export type AnswerRecord =
  | { readonly type: "a" | "aaaa"; readonly address: Uint8Array }
  | { readonly type: "ptr"; readonly name: string };

function nameBytes(name: string): Uint8Array {
  const bytes: number[] = [];
  for (const label of name.split("."))
    bytes.push(label.length, ...Array.from(label, (letter) => letter.charCodeAt(0)));
  return Uint8Array.from([...bytes, 0]);
}

const secondsToLive = 600;

/** The reply to `query`; records that are beyond `limitBytes` are left out, and the reply says so. */
export function reply(
  query: Uint8Array,
  question: Question | undefined,
  code: ReplyCode,
  records: readonly AnswerRecord[] = [],
  limitBytes = mostUdpBytes,
): Uint8Array {
  const end = question?.end ?? headerBytes;
  const parts: Uint8Array[] = [];
  const isExtended = question?.extension !== undefined;
  let size = end + (isExtended ? optBytes : 0);
  let truncated = false;
  for (const record of records) {
    const data = "address" in record ? record.address : nameBytes(record.name);
    const part = new Uint8Array(12 + data.length);
    const view = viewOf(part);
    // The name is that of the question.
    view.setUint16(0, 0xc000 | headerBytes);
    view.setUint16(2, recordTypes[record.type]);
    view.setUint16(4, internet);
    view.setUint32(6, secondsToLive);
    view.setUint16(10, data.length);
    part.set(data, 12);
    if (size + part.length > limitBytes) {
      truncated = true;
      break;
    }
    parts.push(part);
    size += part.length;
  }
  const message = new Uint8Array(size);
  message.set(query.subarray(0, end));
  const view = viewOf(message);
  const asked =
    query.length >= 4 ? viewOf(query).getUint16(2) & (flagBits.wantsRecursion | flagBits.opcode) : 0;
  view.setUint16(
    2,
    flagBits.response | asked | flagBits.recursion | (truncated ? flagBits.truncated : 0) | replyCodes[code],
  );
  view.setUint16(4, question === undefined ? 0 : 1);
  view.setUint16(6, parts.length);
  view.setUint16(8, 0);
  view.setUint16(10, isExtended ? 1 : 0);
  let at = end;
  for (const part of parts) {
    message.set(part, at);
    at += part.length;
  }
  if (isExtended) {
    message.set(ownOpt, at);
    if (question.extension !== 0) message[at + 5] = badVersion;
  }
  return message;
}
