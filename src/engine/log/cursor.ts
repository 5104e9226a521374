/**
 * Reads a container's log from a chosen place to its present end, across rotations, as the bytes that a client of
 * Docker's API expects. Pull-based: the caller asks for the next batch when its client can take it, so a slow client
 * costs one batch of memory. At the end it may ask again later (follow).
 */
import { type LogFile, logAges, openLog, openNext } from "./files.ts";
import { type LogRecord, parseRecord, timeNs } from "./record.ts";
import { findTail } from "./tail.ts";

export interface LogSelection {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly timestamps: boolean;
  /** How many of the last lines; undefined for all. */
  readonly tail: number | undefined;
  /** Nanoseconds since the epoch; undefined for no limit. */
  readonly sinceNs: bigint | undefined;
  readonly untilNs: bigint | undefined;
  /** A terminal's log is one raw stream; otherwise each piece gets Docker's 8-byte header. */
  readonly raw: boolean;
}

const readBytes = 64 * 1024;
const newline = 0x0a;
/** A line longer than this is not a record of ours; it is dropped rather than collected without end. */
const longestLineBytes = 1024 * 1024;
const encoder = new TextEncoder();

export class LogCursor implements Disposable {
  readonly #directory: string;
  readonly #selection: LogSelection;
  readonly #buffer = new Uint8Array(readBytes);
  #file: LogFile | undefined;
  #position = 0;
  #held: Uint8Array = new Uint8Array(0);
  #started = false;
  #finished = false;
  /** Whether the last record of each stream was a piece, so that the next one continues its line. */
  readonly #continued = { stdout: false, stderr: false };

  constructor(directory: string, selection: LogSelection) {
    this.#directory = directory;
    this.#selection = selection;
  }

  /** Whether `until` has been passed, so that nothing will ever follow. */
  get finished(): boolean {
    return this.#finished;
  }

  /** The next bytes; undefined at the present end. */
  next(): Uint8Array | undefined {
    while (!this.#finished) {
      if (this.#file === undefined && !this.#open()) return undefined;
      const file = this.#file;
      if (file === undefined) return undefined;
      const length = file.read(this.#buffer, this.#position);
      if (length > 0) {
        this.#position += length;
        const output = this.#render(this.#buffer.subarray(0, length));
        if (output.length > 0) return output;
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

  #render(chunk: Uint8Array): Uint8Array {
    let bytes = chunk;
    if (this.#held.length > 0) {
      bytes = new Uint8Array(this.#held.length + chunk.length);
      bytes.set(this.#held);
      bytes.set(chunk, this.#held.length);
    }
    const pieces: Uint8Array[] = [];
    let start = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
      const record = parseRecord(bytes.subarray(start, end));
      start = end + 1;
      if (record !== undefined) this.#renderRecord(record, pieces);
      if (this.#finished) break;
    }
    this.#held = bytes.length - start > longestLineBytes ? new Uint8Array(0) : bytes.slice(start);
    return concatenate(pieces);
  }

  #renderRecord(record: LogRecord, pieces: Uint8Array[]): void {
    const { sinceNs, untilNs, raw, timestamps } = this.#selection;
    const continues = this.#continued[record.stream];
    this.#continued[record.stream] = !record.complete;
    if (!this.#selection[record.stream]) return;
    if (sinceNs !== undefined || untilNs !== undefined) {
      const time = timeNs(record.time);
      if (sinceNs !== undefined && time < sinceNs) return;
      if (untilNs !== undefined && time > untilNs) {
        this.#finished = true;
        return;
      }
    }
    const prefix = timestamps && !continues ? encoder.encode(`${record.time} `) : new Uint8Array(0);
    const length = prefix.length + record.text.length + (record.complete ? 1 : 0);
    const headerBytes = raw ? 0 : 8;
    const piece = new Uint8Array(headerBytes + length);
    if (!raw) {
      piece[0] = record.stream === "stdout" ? 1 : 2;
      new DataView(piece.buffer).setUint32(4, length);
    }
    piece.set(prefix, headerBytes);
    piece.set(record.text, headerBytes + prefix.length);
    if (record.complete) piece[piece.length - 1] = newline;
    pieces.push(piece);
  }
}

function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return only;
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const all = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    all.set(piece, offset);
    offset += piece.length;
  }
  return all;
}
