/**
 * Records of a log file, as `logRecord` of the wire describes them. Pure: bytes in, records out. The bytes come from a
 * disk, so whatever they are, the answer is a record or that there is none.
 */
import { logFlags, logRecord } from "../../abi/schema.ts";

export type LogStream = "stdout" | "stderr";

export const overheadBytes: number = logRecord.headBytes + logRecord.tailBytes;
export const largestRecordBytes: number = logRecord.contentBytes + overheadBytes;

export interface LogRecord {
  readonly stream: LogStream;
  readonly timeNs: bigint;
  /** Which streams had a line without its newline before this record. */
  readonly open: { readonly stdout: boolean; readonly stderr: boolean };
  /** The first record of a start of the container. */
  readonly first: boolean;
  /** A view into what was parsed. */
  readonly bytes: Uint8Array;
  /** The place in the container's whole output: of the first byte, and behind the last one. */
  readonly begin: number;
  readonly end: number;
  /** In the file. */
  readonly sizeBytes: number;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The record at `at`: undefined when the bytes end before it does, "damaged" when none begins there. */
export function parseRecord(bytes: Uint8Array, at: number): LogRecord | "damaged" | undefined {
  if (bytes.length - at < logRecord.headBytes) return undefined;
  const view = viewOf(bytes);
  const word = view.getUint32(at, true);
  const length = word & 0xffff;
  if (word >>> 24 !== logRecord.magic || length === 0) return "damaged";
  const contentAt = at + logRecord.headBytes;
  const tailAt = contentAt + length;
  if (bytes.length < tailAt + logRecord.tailBytes) return undefined;
  const low = view.getUint32(tailAt, true);
  const end = (low >>> 16) + view.getUint32(tailAt + 4, true) * 0x1_0000;
  if ((low & 0xffff) !== length || end < length) return "damaged";
  const flags = (word >>> 16) & 0xff;
  return {
    stream: (flags & logFlags.stderr) === 0 ? "stdout" : "stderr",
    timeNs: view.getBigUint64(at + 4, true),
    open: { stdout: (flags & logFlags.stdoutOpen) !== 0, stderr: (flags & logFlags.stderrOpen) !== 0 },
    first: (flags & logFlags.first) !== 0,
    bytes: bytes.subarray(contentAt, tailAt),
    begin: end - length,
    end,
    sizeBytes: length + overheadBytes,
  };
}

/** The record that ends at `end`: undefined when it begins before the bytes do, "damaged" when none ends there. */
export function parseRecordBefore(bytes: Uint8Array, end: number): LogRecord | "damaged" | undefined {
  if (end < logRecord.tailBytes) return undefined;
  const length = viewOf(bytes).getUint16(end - logRecord.tailBytes, true);
  const at = end - length - overheadBytes;
  if (at < 0) return undefined;
  return parseRecord(bytes.subarray(0, end), at) ?? "damaged";
}

export function encodeRecord(record: {
  readonly stream: LogStream;
  readonly timeNs: bigint;
  readonly open?: { readonly stdout: boolean; readonly stderr: boolean };
  readonly first?: boolean;
  readonly bytes: Uint8Array;
  readonly end: number;
}): Uint8Array {
  const { bytes, open, end } = record;
  const encoded = new Uint8Array(bytes.length + overheadBytes);
  const view = viewOf(encoded);
  const flags =
    (record.stream === "stderr" ? logFlags.stderr : 0) |
    (open?.stdout === true ? logFlags.stdoutOpen : 0) |
    (open?.stderr === true ? logFlags.stderrOpen : 0) |
    (record.first === true ? logFlags.first : 0);
  view.setUint32(0, (bytes.length | (flags << 16) | (logRecord.magic << 24)) >>> 0, true);
  view.setBigUint64(4, record.timeNs, true);
  encoded.set(bytes, logRecord.headBytes);
  const tailAt = logRecord.headBytes + bytes.length;
  view.setBigUint64(tailAt, (BigInt(end) << 16n) | BigInt(bytes.length), true);
  return encoded;
}
