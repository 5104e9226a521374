/** Finds where the last N lines of a log begin, reading backwards from an end, a block at a time. */
import { type LogFile, logStarts, openLog } from "./files.ts";
import {
  type LogRecord,
  type LogStream,
  largestRecordBytes,
  parseRecord,
  parseRecordBefore,
} from "./record.ts";

/** A file, and how much of it. */
export interface LogBound {
  readonly start: number;
  readonly sizeBytes: number;
}

export interface TailPlace {
  /** Belongs to the caller. */
  readonly file: LogFile;
  /** Where the first record to read begins in the file. */
  readonly offset: number;
  /** Of each stream, output before this place does not count. */
  readonly skip: Readonly<Record<LogStream, number>>;
}

const blockBytes = 256 * 1024;
const newline = 0x0a;

/**
 * The place where the last `lines` lines of the selected streams begin; undefined when there are fewer than that. A line
 * counts where it ends: at its newline, or without one at the end of a life or of the log. Yields after each block.
 */
export function* findTail(
  directory: string,
  bound: LogBound,
  lines: number,
  selected: (stream: LogStream) => boolean,
): Generator<undefined, TailPlace | undefined> {
  const search = new Search(lines, selected);
  let oldest: { readonly start: number; readonly offset: number } | undefined;
  for (const start of logStarts(directory).reverse()) {
    const file = start > bound.start ? undefined : openLog(directory, start);
    if (file === undefined) continue;
    let isTaken = false;
    try {
      const end = start === bound.start ? yield* wholeEnd(file, bound.sizeBytes) : file.size();
      for (const found of recordsBackwards(file, end)) {
        if (found === undefined) {
          yield;
          continue;
        }
        const skip = search.take(found.record);
        oldest = { start, offset: found.offset };
        if (skip === undefined) continue;
        isTaken = true;
        return { file, offset: found.offset, skip };
      }
    } finally {
      if (!isTaken) file[Symbol.dispose]();
    }
  }
  const skip = search.atBeginning();
  const file = oldest === undefined ? undefined : openLog(directory, oldest.start);
  return skip === undefined || oldest === undefined || file === undefined
    ? undefined
    : { file, offset: oldest.offset, skip };
}

/** The end of the last whole record within `size`: a record may be on its way to the file just now. */
function* wholeEnd(file: LogFile, size: number): Generator<undefined, number> {
  const last = new Uint8Array(Math.min(size, largestRecordBytes));
  file.read(last, size - last.length);
  if (typeof parseRecordBefore(last, last.length) === "object") return size;
  const block = new Uint8Array(blockBytes);
  for (let offset = 0, at = -1; at !== 0; offset += at) {
    at = 0;
    const length = Math.min(file.read(block, offset), size - offset);
    const bytes = block.subarray(0, length);
    for (let record = parseRecord(bytes, 0); typeof record === "object"; record = parseRecord(bytes, at)) {
      at += record.sizeBytes;
    }
    yield;
    if (at === 0) return offset;
  }
  return size;
}

function* recordsBackwards(
  file: LogFile,
  end: number,
): Generator<{ readonly record: LogRecord; readonly offset: number } | undefined, void> {
  for (let position = end; position > 0; ) {
    const begin = Math.max(0, position - blockBytes);
    const block = new Uint8Array(position - begin);
    file.read(block, begin);
    let at = block.length;
    for (;;) {
      const record = parseRecordBefore(block, at);
      if (typeof record !== "object") break;
      at -= record.sizeBytes;
      yield { record, offset: begin + at };
    }
    // Nothing of a whole block is a record: what is before it cannot be reached.
    if (at === block.length) return;
    position = begin + at;
    yield undefined;
  }
}

class Search {
  #left: number;
  readonly #selected: (stream: LogStream) => boolean;
  /** What was looked at last was the first record of a life, or nothing: lines before it end without a newline too. */
  #atBoundary = true;
  #skip: Record<LogStream, number> | undefined;
  /** The stream whose line in progress at the cut has not been found the beginning of. */
  #unresolved: LogStream | undefined;

  constructor(lines: number, selected: (stream: LogStream) => boolean) {
    this.#left = lines;
    this.#selected = selected;
  }

  /** Takes the record before the one that it took last; the result says that reading may begin with it. */
  take(record: LogRecord): Readonly<Record<LogStream, number>> | undefined {
    if (this.#skip === undefined) {
      if (this.#atBoundary) this.#countOpen(record);
      if (this.#skip === undefined && this.#selected(record.stream)) this.#countEnded(record);
      this.#atBoundary = record.first;
    }
    this.#resolve(record);
    return this.#unresolved === undefined ? this.#skip : undefined;
  }

  /** There is nothing before what was taken; undefined when that was not enough. */
  atBeginning(): Readonly<Record<LogStream, number>> | undefined {
    if (this.#skip === undefined && this.#left > 0) return undefined;
    const skip = this.#skip ?? { stdout: 0, stderr: 0 };
    if (this.#unresolved !== undefined) skip[this.#unresolved] = 0;
    return skip;
  }

  /** Lines without a newline at the boundary behind the record; a reader gets stdout's before stderr's. */
  #countOpen(record: LogRecord): void {
    for (const stream of ["stderr", "stdout"] as const) {
      const isOpen = record.stream === stream ? record.bytes.at(-1) !== newline : record.open[stream];
      if (!isOpen || !this.#selected(stream)) continue;
      if (this.#left > 0) {
        this.#left -= 1;
        continue;
      }
      this.#skip = { stdout: record.end, stderr: record.end };
      const stderrCounts = record.stream === "stderr" ? record.bytes.at(-1) !== newline : record.open.stderr;
      if (stream === "stdout" && stderrCounts && this.#selected("stderr")) this.#unresolved = "stderr";
      return;
    }
  }

  #countEnded(record: LogRecord): void {
    const { bytes, begin, stream, open } = record;
    for (
      let index = bytes.lastIndexOf(newline);
      index >= 0;
      index = index === 0 ? -1 : bytes.lastIndexOf(newline, index - 1)
    ) {
      if (this.#left > 0) {
        this.#left -= 1;
        continue;
      }
      const place = begin + index + 1;
      this.#skip = { stdout: place, stderr: place };
      const other = stream === "stdout" ? "stderr" : "stdout";
      if (open[other] && this.#selected(other)) this.#unresolved = other;
      return;
    }
  }

  #resolve(record: LogRecord): void {
    const stream = this.#unresolved;
    if (stream === undefined || this.#skip === undefined) return;
    const index = record.stream === stream ? record.bytes.lastIndexOf(newline) : -1;
    if (index < 0 && record.open[stream] && !record.first) return;
    this.#skip[stream] = index < 0 ? record.begin : record.begin + index + 1;
    this.#unresolved = undefined;
  }
}
