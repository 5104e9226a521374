/**
 * Makes lines of records. A line that came in pieces is one entry with one time, that of its end; it is held back until
 * its newline, until it is long, or until the reader is told that nothing more is there now.
 */
import type { LogRecord, LogStream } from "./record.ts";
import type { LogEntry, LogSelection } from "./selection.ts";

/** A longer line is given out in pieces, so that memory is bounded. Docker's pieces are as long. */
const limitHeldBytes = 16 * 1024;
const newline = 0x0a;
const encoder = new TextEncoder();
const streams = ["stdout", "stderr"] as const;

interface HeldLine {
  pieces: Uint8Array[];
  bytes: number;
  timeNs: bigint;
  /** Some of it was given out, or left out, already. */
  fate: "undecided" | "given" | "left out";
}

function emptyLine(): HeldLine {
  return { pieces: [], bytes: 0, timeNs: 0n, fate: "undecided" };
}

export class LineJoiner {
  readonly #selection: LogSelection;
  readonly #held: Record<LogStream, HeldLine> = { stdout: emptyLine(), stderr: emptyLine() };
  #finished = false;

  constructor(selection: LogSelection) {
    this.#selection = selection;
  }

  /** Whether `until` has been passed, so that nothing will ever follow. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Adds what the record completes to `entries`; `bytes` is what counts of it. */
  add(record: LogRecord, bytes: Uint8Array, entries: LogEntry[]): void {
    const { stream, timeNs } = record;
    let start = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
      this.#give(stream, timeNs, bytes.subarray(start, end + 1), entries);
      this.#held[stream].fate = "undecided";
      if (this.#finished) return;
      start = end + 1;
    }
    if (start < bytes.length) this.#hold(stream, timeNs, bytes.subarray(start), entries);
  }

  /** Gives out what is held. `ends`: these lines are over, whatever comes. */
  flush(entries: LogEntry[], ends: boolean): void {
    for (const stream of streams) {
      const held = this.#held[stream];
      if (held.bytes > 0) this.#give(stream, held.timeNs, new Uint8Array(0), entries);
      if (ends) held.fate = "undecided";
    }
  }

  /** A line of our own, on a line of its own. */
  note(text: string, timeNs: bigint, entries: LogEntry[]): void {
    const { tty } = this.#selection;
    const stream = tty ? "stdout" : "stderr";
    const lineEnd = tty ? "\r\n" : "\n";
    const before = this.#held[stream].fate === "given" ? lineEnd : "";
    this.flush(entries, true);
    const flushed = entries.at(-1);
    const opened = flushed?.stream === stream && flushed.bytes.at(-1) !== newline ? lineEnd : before;
    const bytes = encoder.encode(`${opened}${text}${lineEnd}`);
    entries.push({ stream, timeNs, bytes, continues: opened !== "", note: true });
  }

  #hold(stream: LogStream, timeNs: bigint, bytes: Uint8Array, entries: LogEntry[]): void {
    const held = this.#held[stream];
    // A copy: a view would keep its whole block alive.
    held.pieces.push(new Uint8Array(bytes));
    held.bytes += bytes.length;
    held.timeNs = timeNs;
    if (held.bytes >= limitHeldBytes) this.#give(stream, timeNs, new Uint8Array(0), entries);
  }

  #give(stream: LogStream, timeNs: bigint, last: Uint8Array, entries: LogEntry[]): void {
    const held = this.#held[stream];
    const continues = held.fate === "given";
    const bytes = held.bytes === 0 ? last : Buffer.concat([...held.pieces, last]);
    if (held.bytes > 0) {
      held.pieces = [];
      held.bytes = 0;
    }
    if (held.fate === "undecided") held.fate = this.#wants(timeNs) ? "given" : "left out";
    if (held.fate === "given") entries.push({ stream, timeNs, bytes, continues, note: false });
  }

  #wants(timeNs: bigint): boolean {
    const { sinceNs, untilNs } = this.#selection;
    if (untilNs !== undefined && timeNs > untilNs) this.#finished = true;
    return !this.#finished && (sinceNs === undefined || timeNs >= sinceNs);
  }
}
