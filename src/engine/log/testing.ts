/** Writes log files as a supervisor does, for tests of the readers. */
import { appendFileSync, rmSync } from "node:fs";
import { logFileName, logStarts } from "./files.ts";
import { encodeRecord, type LogStream } from "./record.ts";

/** 2026-01-01T00:00:00Z. */
export const epochNs = 1_767_225_600_000_000_000n;

export class LogWriter {
  readonly directory: string;
  #start = 0;
  #end = 0;
  #isFirst = true;
  readonly #open = { stdout: false, stderr: false };

  constructor(directory: string) {
    this.directory = directory;
  }

  get end(): number {
    return this.#end;
  }

  get path(): string {
    return `${this.directory}/${logFileName(this.#start)}`;
  }

  write(text: string, stream: LogStream = "stdout", second = 0): void {
    appendFileSync(this.path, this.encode(text, stream, second));
  }

  /** The record that `write` would append; as if it had been. */
  encode(text: string, stream: LogStream = "stdout", second = 0): Uint8Array {
    const bytes = new TextEncoder().encode(text);
    const open = { ...this.#open };
    const first = this.#isFirst;
    this.#isFirst = false;
    this.#open[stream] = !text.endsWith("\n");
    this.#end += bytes.length;
    const timeNs = epochNs + BigInt(second) * 1_000_000_000n;
    return encodeRecord({ stream, timeNs, open, first, bytes, end: this.#end });
  }

  /** Output that a full disk did not take. */
  lose(text: string): void {
    this.encode(text);
  }

  /** What follows is of another start of the container. */
  beginLife(): void {
    this.#isFirst = true;
    this.#open.stdout = false;
    this.#open.stderr = false;
  }

  /** A new file; the oldest ones go when there are more than `files`. */
  rotate(files = 1000): void {
    this.#start = this.#end;
    appendFileSync(this.path, "");
    const starts = logStarts(this.directory);
    for (const start of starts.slice(0, Math.max(0, starts.length - files))) {
      rmSync(`${this.directory}/${logFileName(start)}`);
    }
  }
}
