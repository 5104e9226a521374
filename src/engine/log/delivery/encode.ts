/** Lines of a container's output as each driver's receiver wants them. Pure. */
import { deflateSync, gzipSync } from "node:zlib";
import type { Delivery } from "./config.ts";

export interface DeliveredLine {
  readonly stream: "stdout" | "stderr";
  readonly timeNs: bigint;
  /** Without its newline. */
  readonly bytes: Uint8Array;
  /** What there is of a line that is not in one. */
  readonly piece?: { readonly id: string; readonly ordinal: number; readonly isLast: boolean };
}

/** Who speaks. */
export interface Speaker {
  readonly id: string;
  readonly name: string;
  readonly imageId: string;
  readonly imageName: string;
  readonly command: string;
  readonly createdMs: number;
  readonly hostname: string;
  readonly tag: string;
  readonly pid: number;
  /** What labels and variables the log's options ask for. */
  readonly extra: Readonly<Record<string, string>>;
}

const infoSeverity = 6;
const errorSeverity = 3;
const shortDigits = 12;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const severityOf = ({ stream }: DeliveredLine): number =>
  stream === "stderr" ? errorSeverity : infoSeverity;

/** One message, or the packets that one is cut into. */
export function encodeDelivery(
  delivery: Delivery,
  speaker: Speaker,
  line: DeliveredLine,
): readonly Uint8Array[] {
  switch (delivery.driver) {
    case "syslog":
      return [syslogMessage(delivery, speaker, line)];
    case "gelf":
      return gelfMessages(delivery, speaker, line);
    case "fluentd":
      return [fluentdMessage(delivery, speaker, line)];
    case "journald":
      return [journalMessage(speaker, line)];
  }
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** In UTC, as the engine's other times are. */
function oldTime(date: Date): string {
  const clock = date.toISOString().slice(11, 19);
  return `${months[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)} ${clock}`;
}

function syslogMessage(
  { form, to }: Extract<Delivery, { driver: "syslog" }>,
  { tag, hostname, pid }: Speaker,
  line: DeliveredLine,
): Uint8Array {
  const priority = `<${form.facility * 8 + severityOf(line)}>`;
  const date = new Date(Number(line.timeNs / 1_000_000n));
  const seconds = date.toISOString().slice(0, 19);
  const micros = String((line.timeNs / 1000n) % 1_000_000n).padStart(6, "0");
  const heads = {
    local: `${priority}${oldTime(date)} ${tag}[${pid}]: `,
    rfc3164: `${priority}${oldTime(date)} ${hostname} ${tag}[${pid}]: `,
    rfc5424: `${priority}1 ${seconds}Z ${hostname} ${tag} ${pid} ${tag} - `,
    rfc5424micro: `${priority}1 ${seconds}.${micros}Z ${hostname} ${tag} ${pid} ${tag} - `,
  };
  const head = encoder.encode(heads[form.format]);
  const isStream = to.kind === "tcp" || to.kind === "tls";
  // RFC 5425: the length first; the older form ends each with a newline.
  const counted = to.kind === "tls" && form.format.startsWith("rfc5424");
  const body = Buffer.concat([head, line.bytes, ...(isStream && !counted ? [Buffer.from("\n")] : [])]);
  return counted ? Buffer.concat([Buffer.from(`${body.length} `), body]) : body;
}

const chunkBytes = 1420 - 12;
const mostChunks = 128;

function gelfMessages(
  { to, compression, level }: Extract<Delivery, { driver: "gelf" }>,
  speaker: Speaker,
  line: DeliveredLine,
): readonly Uint8Array[] {
  const document = {
    version: "1.1",
    host: speaker.hostname,
    short_message: decoder.decode(line.bytes),
    timestamp: Number(line.timeNs / 1_000_000n) / 1000,
    level: severityOf(line),
    _container_id: speaker.id,
    _container_name: speaker.name,
    _image_id: speaker.imageId,
    _image_name: speaker.imageName,
    _command: speaker.command,
    _tag: speaker.tag,
    _created: new Date(speaker.createdMs).toISOString(),
    ...Object.fromEntries(Object.entries(speaker.extra).map(([key, value]) => [`_${key}`, value])),
  };
  const plain = encoder.encode(JSON.stringify(document));
  if (to.kind === "tcp") return [Buffer.concat([plain, Buffer.from([0])])];
  const options = { level };
  const packed =
    compression === "none"
      ? plain
      : compression === "gzip"
        ? gzipSync(plain, options)
        : deflateSync(plain, options);
  if (packed.length <= chunkBytes) return [packed];
  const count = Math.ceil(packed.length / chunkBytes);
  // The receiver takes no more; a line is at most 16 KiB, so this is not reached.
  if (count > mostChunks) return [];
  const identity = Buffer.alloc(8);
  identity.writeBigUInt64BE(line.timeNs);
  return Array.from({ length: count }, (_, index) =>
    Buffer.concat([
      Buffer.from([0x1e, 0x0f]),
      identity,
      Buffer.from([index, count]),
      packed.subarray(index * chunkBytes, (index + 1) * chunkBytes),
    ]),
  );
}

function packedText(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  const head = Buffer.alloc(length < 32 ? 1 : length < 0x100 ? 2 : length < 0x1_0000 ? 3 : 5);
  if (head.length === 1) head.writeUInt8(0xa0 | length);
  else if (head.length === 2) head.writeUInt16BE((0xd9 << 8) | length);
  else if (head.length === 3) {
    head.writeUInt8(0xda);
    head.writeUInt16BE(length, 1);
  } else {
    head.writeUInt8(0xdb);
    head.writeUInt32BE(length, 1);
  }
  return Buffer.concat([head, bytes]);
}

/** The forward protocol's single event: [tag, time, record]. */
function fluentdMessage(
  { subSecond }: Extract<Delivery, { driver: "fluentd" }>,
  speaker: Speaker,
  line: DeliveredLine,
): Uint8Array {
  const record: Readonly<Record<string, Uint8Array | string>> = {
    container_id: speaker.id,
    container_name: `/${speaker.name}`,
    source: line.stream,
    log: line.bytes,
    ...(line.piece !== undefined && {
      partial_message: "true",
      partial_id: line.piece.id,
      partial_ordinal: String(line.piece.ordinal),
      partial_last: String(line.piece.isLast),
    }),
    ...speaker.extra,
  };
  const seconds = Number(line.timeNs / 1_000_000_000n);
  const time = Buffer.alloc(subSecond ? 10 : 5);
  if (subSecond) {
    // An extension of eight bytes, type 0: seconds and nanoseconds.
    time.writeUInt16BE(0xd700);
    time.writeUInt32BE(seconds, 2);
    time.writeUInt32BE(Number(line.timeNs % 1_000_000_000n), 6);
  } else {
    time.writeUInt8(0xce);
    time.writeUInt32BE(seconds, 1);
  }
  const entries = Object.entries(record);
  const map = Buffer.alloc(3);
  map.writeUInt8(0xde);
  map.writeUInt16BE(entries.length, 1);
  const text = (value: Uint8Array | string): Uint8Array =>
    packedText(typeof value === "string" ? encoder.encode(value) : value);
  return Buffer.concat([
    Buffer.from([0x93]),
    text(speaker.tag),
    time,
    map,
    ...entries.flatMap(([key, value]) => [text(key), text(value)]),
  ]);
}

/** The journal's own protocol: `KEY=value`, or a value with its length where it may hold a newline. */
function journalMessage(speaker: Speaker, line: DeliveredLine): Uint8Array {
  const field = (key: string, value: Uint8Array): Uint8Array => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(value.length));
    return Buffer.concat([Buffer.from(`${key}\n`), length, value, Buffer.from("\n")]);
  };
  const fields: Readonly<Record<string, string>> = {
    PRIORITY: String(severityOf(line)),
    CONTAINER_ID: speaker.id.slice(0, shortDigits),
    CONTAINER_ID_FULL: speaker.id,
    CONTAINER_NAME: speaker.name,
    CONTAINER_TAG: speaker.tag,
    IMAGE_NAME: speaker.imageName,
    SYSLOG_IDENTIFIER: speaker.tag,
    SYSLOG_TIMESTAMP: new Date(Number(line.timeNs / 1_000_000n)).toISOString(),
    ...(line.piece !== undefined && {
      CONTAINER_PARTIAL_ID: line.piece.id,
      CONTAINER_PARTIAL_ORDINAL: String(line.piece.ordinal),
      CONTAINER_PARTIAL_LAST: String(line.piece.isLast),
      ...(!line.piece.isLast && { CONTAINER_PARTIAL_MESSAGE: "true" }),
    }),
    ...Object.fromEntries(Object.entries(speaker.extra).map(([key, value]) => [journalKey(key), value])),
  };
  const own = Object.entries(fields).map(([key, value]) => field(key, encoder.encode(value)));
  return Buffer.concat([...own, field("MESSAGE", line.bytes)]);
}

/** Capitals, digits and underscores, none of these at the beginning. */
function journalKey(key: string): string {
  return key
    .toUpperCase()
    .replaceAll(/[^A-Z0-9_]/g, "_")
    .replace(/^_+/, "");
}
