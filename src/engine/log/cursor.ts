/**
 * Reads a container's log from a chosen place, across its files. Pull-based and in slices: each call reads one block at
 * most, so a slow client costs one block of memory and a large log does not keep others waiting. At the present end it
 * may be asked again later (follow).
 *
 * Every record says which part of the container's whole output it is, so what is missing is known to the byte, and the
 * reader gets a line that says so.
 */
import { earlierLogPath, type LogFile, logStarts, openAfter, openLog } from "./files.ts";
import { LineJoiner } from "./line-joiner.ts";
import { damagedHere, inEarlierFormat, missingHere, olderGone } from "./notes.ts";
import { type LogRecord, type LogStream, parseRecord } from "./record.ts";
import type { LogEntry, LogSelection } from "./selection.ts";
import { findTail, type LogBound, type TailPlace } from "./tail.ts";

/** Where to stop. `now`: at what is there when the reading begins. `never`: what comes later is wanted too. */
export type LogStop = "now" | "never";

/** At least twice the largest record. */
const blockBytes = 128 * 1024;

/** What the files hold at this moment; undefined without any. */
function presentBound(directory: string): LogBound | undefined {
  for (const start of logStarts(directory).reverse()) {
    using file = openLog(directory, start);
    if (file !== undefined) return { start, sizeBytes: file.size() };
  }
  return undefined;
}

export class LogCursor implements Disposable {
  readonly #directory: string;
  readonly #selection: LogSelection;
  readonly #lines: LineJoiner;
  #outputEnd = Number.POSITIVE_INFINITY;
  #bound: LogBound | undefined;
  #search: Generator<undefined, TailPlace | undefined> | undefined;
  #file: LogFile | undefined;
  #offset = 0;
  /** In the container's output: of what comes next; undefined takes whatever comes first. */
  #position: number | undefined = 0;
  #skip: Readonly<Record<LogStream, number>> = { stdout: 0, stderr: 0 };
  /** To be told before anything else. */
  #ahead: LogEntry[] = [];
  #isDamaged = false;
  #hasTaken = false;
  #finished = false;

  /** What is there now is decided here. */
  constructor(directory: string, selection: LogSelection, stop: LogStop) {
    this.#directory = directory;
    this.#selection = selection;
    this.#lines = new LineJoiner(selection);
    const present = presentBound(directory);
    if (stop === "now") {
      this.#bound = present;
      this.#finished = present === undefined;
    }
    const earlier = earlierLogPath(directory);
    if (earlier !== undefined) this.#lines.note(inEarlierFormat(earlier), 0n, this.#ahead);
    if (selection.tail !== undefined && present !== undefined) {
      this.#search = findTail(directory, present, selection.tail, (stream) => selection[stream]);
    }
  }

  /** Ends the reading after so many bytes of the container's whole output, of which no later ones have been read. */
  stopAt(output: number): void {
    this.#outputEnd = output;
  }

  /** Whether nothing will ever follow. */
  get finished(): boolean {
    return this.#finished;
  }

  /** The next entries, maybe none when the slice held none; undefined at the present end. */
  next(): readonly LogEntry[] | undefined {
    if (this.#ahead.length > 0) {
      const ahead = this.#ahead;
      this.#ahead = [];
      return ahead;
    }
    if (this.#finished) return undefined;
    if (this.#search !== undefined) {
      this.#searchOn(this.#search);
      return [];
    }
    const entries: LogEntry[] = [];
    if (!this.#open()) return undefined;
    if (!this.#readBlock(entries) && !this.#goOn(entries)) this.#lines.flush(entries, false);
    else return entries;
    return entries.length > 0 ? entries : undefined;
  }

  [Symbol.dispose](): void {
    this.#search?.return(undefined);
    this.#ahead = [];
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
    this.#finished = true;
  }

  #searchOn(search: Generator<undefined, TailPlace | undefined>): void {
    const step = search.next();
    if (step.done !== true) return;
    this.#search = undefined;
    if (step.value === undefined) return;
    this.#file = step.value.file;
    this.#offset = step.value.offset;
    this.#skip = step.value.skip;
    this.#position = undefined;
  }

  #open(): boolean {
    this.#file ??= openAfter(this.#directory, -1);
    return this.#file !== undefined;
  }

  /** False when there is no whole record at the offset. */
  #readBlock(entries: LogEntry[]): boolean {
    const file = this.#file;
    if (file === undefined || this.#isDamaged) return false;
    const block = new Uint8Array(Math.max(0, Math.min(file.size() - this.#offset, blockBytes)));
    const bytes = block.subarray(0, block.length > 0 ? file.read(block, this.#offset) : 0);
    let at = 0;
    while (!this.#finished) {
      const record = parseRecord(bytes, at);
      if (record === undefined) break;
      if (record === "damaged") {
        this.#isDamaged = true;
        this.#lines.note(damagedHere, 0n, entries);
        break;
      }
      if (this.#isBeyond(file, this.#offset + at, record)) this.#stop(file, record, entries);
      else this.#take(record, entries);
      at += record.sizeBytes;
    }
    this.#offset += at;
    return at > 0;
  }

  /** To the file after this one. False when there is none, so that this one may still grow. */
  #goOn(entries: LogEntry[]): boolean {
    const file = this.#file;
    if (file === undefined) return false;
    const position = this.#position ?? 0;
    const exact = position > file.start ? openLog(this.#directory, position) : undefined;
    const next = exact ?? openAfter(this.#directory, file.start);
    if (next === undefined) return false;
    // Its last records may have been written after we looked and before the next file was made.
    if (this.#readBlock(entries)) {
      next[Symbol.dispose]();
      return true;
    }
    file[Symbol.dispose]();
    this.#file = next;
    this.#offset = 0;
    this.#isDamaged = false;
    return true;
  }

  #isBeyond(file: LogFile, offset: number, record: LogRecord): boolean {
    if (record.begin >= this.#outputEnd) return true;
    const bound = this.#bound;
    if (bound === undefined) return false;
    return file.start > bound.start || (file.start === bound.start && offset >= bound.sizeBytes);
  }

  /** What was to be read is over; it may have ended in something that was rotated away. */
  #stop(file: LogFile, record: LogRecord, entries: LogEntry[]): void {
    const position = this.#position ?? record.begin;
    const bound = this.#bound;
    const end = bound === undefined ? this.#outputEnd : file.start > bound.start ? file.start : position;
    if (end > position) this.#tellMissing(end - position, record, entries);
    this.#lines.flush(entries, true);
    this.#finished = true;
  }

  #take(record: LogRecord, entries: LogEntry[]): void {
    const position = this.#position ?? record.begin;
    if (record.begin > position) this.#tellMissing(record.begin - position, record, entries);
    if (record.first) this.#lines.flush(entries, true);
    this.#position = record.end;
    this.#hasTaken = true;
    if (!this.#selection[record.stream]) return;
    const skipped = Math.max(0, this.#skip[record.stream] - record.begin);
    if (skipped < record.bytes.length) this.#lines.add(record, record.bytes.subarray(skipped), entries);
    if (this.#lines.finished) this.#finished = true;
  }

  #tellMissing(count: number, record: LogRecord, entries: LogEntry[]): void {
    // What is gone from the beginning is older than all that is wanted.
    const { sinceNs } = this.#selection;
    if (!this.#hasTaken && sinceNs !== undefined && record.timeNs < sinceNs) return;
    const text = this.#hasTaken ? missingHere(count) : olderGone(count);
    this.#lines.note(text, record.timeNs, entries);
  }
}
