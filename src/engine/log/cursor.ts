/**
 * Reads a container's log from a chosen place to its present end, across rotations. Pull-based: the caller asks for
 * the next batch when its client can take it, so a slow client costs one batch of memory. At the end it may ask again
 * later (follow).
 */
import { type LogFile, logAges, openLog, openNext } from "./files.ts";
import { type LogRecord, parseRecord, timeNs } from "./record.ts";
import { findTail } from "./tail.ts";

export interface LogSelection {
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** How many of the last lines; undefined for all. */
  readonly tail: number | undefined;
  /** Nanoseconds since the epoch; undefined for no limit. */
  readonly sinceNs: bigint | undefined;
  readonly untilNs: bigint | undefined;
}

/** A line, or a piece of one that was long or not ended yet. */
export interface LogEntry {
  readonly stream: "stdout" | "stderr";
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  /** With its newline if it had one. */
  readonly bytes: Uint8Array;
}

const readBytes = 64 * 1024;
const newline = 0x0a;
/** A line longer than this is not a record of ours; it is dropped rather than collected without end. */
const longestLineBytes = 1024 * 1024;

export class LogCursor implements Disposable {
  readonly #directory: string;
  readonly #selection: LogSelection;
  readonly #buffer = new Uint8Array(readBytes);
  #file: LogFile | undefined;
  #position = 0;
  #held: Uint8Array = new Uint8Array(0);
  #started = false;
  #finished = false;

  constructor(directory: string, selection: LogSelection) {
    this.#directory = directory;
    this.#selection = selection;
  }

  /** Whether `until` has been passed, so that nothing will ever follow. */
  get finished(): boolean {
    return this.#finished;
  }

  /** The next entries, at least one; undefined at the present end. */
  next(): readonly LogEntry[] | undefined {
    while (!this.#finished) {
      if (this.#file === undefined && !this.#open()) return undefined;
      const file = this.#file;
      if (file === undefined) return undefined;
      const length = file.read(this.#buffer, this.#position);
      if (length > 0) {
        this.#position += length;
        const entries = this.#take(this.#buffer.subarray(0, length));
        if (entries.length > 0) return entries;
        continue;
      }
      const next = openNext(this.#directory, file);
      if (next === undefined) return undefined;
      // The supervisor wrote its last record into this file before it renamed it; look once more.
      if (file.size() > this.#position) {
        next[Symbol.dispose]();
        continue;
      }
      file[Symbol.dispose]();
      this.#file = next;
      this.#position = 0;
      this.#held = new Uint8Array(0);
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
    this.#finished = true;
  }

  #open(): boolean {
    const { tail } = this.#selection;
    if (tail !== undefined && !this.#started) {
      const place = findTail(this.#directory, tail, (stream) => this.#selection[stream]);
      // An empty log now; what comes later is all wanted.
      this.#started = true;
      if (place === undefined) return false;
      this.#file = place.file;
      this.#position = place.offset;
      return true;
    }
    this.#started = true;
    const oldest = logAges(this.#directory)[0];
    if (oldest === undefined) return false;
    this.#file = openLog(this.#directory, oldest);
    this.#position = 0;
    return this.#file !== undefined;
  }

  #take(chunk: Uint8Array): LogEntry[] {
    // Entries are views into these bytes and outlive the read buffer, hence the copy.
    const bytes = new Uint8Array(this.#held.length + chunk.length);
    bytes.set(this.#held);
    bytes.set(chunk, this.#held.length);
    const entries: LogEntry[] = [];
    let start = 0;
    for (let end = bytes.indexOf(newline); end >= 0 && !this.#finished; end = bytes.indexOf(newline, start)) {
      const record = parseRecord(bytes.subarray(start, end));
      if (record !== undefined && this.#wants(record)) {
        const textStart = end - record.text.length;
        const text = record.complete ? bytes.subarray(textStart, end + 1) : record.text;
        entries.push({ stream: record.stream, time: record.time, bytes: text });
      }
      start = end + 1;
    }
    this.#held = bytes.length - start > longestLineBytes ? new Uint8Array(0) : bytes.slice(start);
    return entries;
  }

  #wants(record: LogRecord): boolean {
    const { sinceNs, untilNs } = this.#selection;
    if (!this.#selection[record.stream]) return false;
    if (sinceNs === undefined && untilNs === undefined) return true;
    const time = timeNs(record.time);
    if (sinceNs !== undefined && time < sinceNs) return false;
    if (untilNs !== undefined && time > untilNs) this.#finished = true;
    return !this.#finished;
  }
}
