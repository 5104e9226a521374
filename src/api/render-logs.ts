/** Log entries as Docker writes them: framed unless a terminal made them, each with its time when asked for. */
import { frameHeaderBytes, frameTypes, writeFrameHeader } from "../docker/framing.ts";
import type { LogEntry, LogReader } from "./backend.ts";

const encoder = new TextEncoder();

/** One batch as one piece of output. */
export function renderLogBatch(entries: readonly LogEntry[], tty: boolean, timestamps: boolean): Uint8Array {
  const header = tty ? 0 : frameHeaderBytes;
  const prefixes = timestamps ? entries.map((entry) => encoder.encode(`${entry.time} `)) : [];
  let size = 0;
  for (const [index, entry] of entries.entries()) {
    size += header + (prefixes[index]?.length ?? 0) + entry.bytes.length;
  }
  const output = new Uint8Array(size);
  let at = 0;
  for (const [index, entry] of entries.entries()) {
    const prefix = prefixes[index];
    if (!tty) {
      writeFrameHeader(output, at, frameTypes[entry.stream], (prefix?.length ?? 0) + entry.bytes.length);
      at += frameHeaderBytes;
    }
    if (prefix !== undefined) {
      output.set(prefix, at);
      at += prefix.length;
    }
    output.set(entry.bytes, at);
    at += entry.bytes.length;
  }
  return output;
}

export async function* renderLogs(reader: LogReader, timestamps: boolean): AsyncGenerator<Uint8Array> {
  for await (const batch of reader.batches) yield renderLogBatch(batch, reader.tty, timestamps);
}
