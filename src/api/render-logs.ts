/** Log entries as Docker writes them: framed unless a terminal made them, each line with what was asked for before it. */
import { frameHeaderBytes, frameTypes, writeFrameHeader } from "../docker/framing.ts";
import type { LogEntry, LogReader } from "./backend.ts";

const encoder = new TextEncoder();
const nothing = new Uint8Array(0);
const nsPerSecond = 1_000_000_000n;

export interface LogPrefixes {
  readonly timestamps: boolean;
  /** Undefined: not wanted. */
  readonly details: string | undefined;
}

/** RFC 3339 with nanoseconds, always nine digits of them. */
export function renderLogTime(timeNs: bigint): string {
  const whole = new Date(Number(timeNs / nsPerSecond) * 1000).toISOString();
  return `${whole.slice(0, 19)}.${String(timeNs % nsPerSecond).padStart(9, "0")}Z`;
}

/** Lines that were read together have the same time, so the last one's text is kept. */
function prefixer(wanted: LogPrefixes): (entry: LogEntry) => Uint8Array {
  const details = wanted.details === undefined ? "" : `${wanted.details} `;
  const plain = encoder.encode(details);
  let lastNs: bigint | undefined;
  let last = nothing;
  return ({ continues, note, timeNs }) => {
    if (continues) return nothing;
    if (!wanted.timestamps) return note ? nothing : plain;
    if (note) return encoder.encode(`${renderLogTime(timeNs)} `);
    if (timeNs !== lastNs) last = encoder.encode(`${renderLogTime(timeNs)} ${details}`);
    lastNs = timeNs;
    return last;
  };
}

/** One batch as one piece of output. */
export function renderLogBatch(
  entries: readonly LogEntry[],
  tty: boolean,
  prefixes: LogPrefixes,
): Uint8Array {
  const header = tty ? 0 : frameHeaderBytes;
  const prefixOf = prefixer(prefixes);
  const before = entries.map(prefixOf);
  let size = 0;
  for (const [index, entry] of entries.entries()) {
    size += header + (before[index]?.length ?? 0) + entry.bytes.length;
  }
  const output = new Uint8Array(size);
  let at = 0;
  for (const [index, entry] of entries.entries()) {
    const prefix = before[index] ?? nothing;
    if (!tty) {
      writeFrameHeader(output, at, frameTypes[entry.stream], prefix.length + entry.bytes.length);
      at += frameHeaderBytes;
    }
    output.set(prefix, at);
    output.set(entry.bytes, at + prefix.length);
    at += prefix.length + entry.bytes.length;
  }
  return output;
}

export async function* renderLogs(
  reader: LogReader,
  wanted: { readonly timestamps: boolean; readonly details: boolean },
): AsyncGenerator<Uint8Array> {
  const prefixes = { timestamps: wanted.timestamps, details: wanted.details ? reader.details : undefined };
  for await (const batch of reader.batches) yield renderLogBatch(batch, reader.tty, prefixes);
}
