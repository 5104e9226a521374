/** What of a log is wanted, and what a reader gets of it. */
import type { LogStream } from "./record.ts";

export interface LogSelection {
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** How many of the last lines; undefined for all. */
  readonly tail: number | undefined;
  /** Nanoseconds since the epoch; undefined for no limit. */
  readonly sinceNs: bigint | undefined;
  readonly untilNs: bigint | undefined;
  /** A terminal wrote it: there is one stream, and a line of our own ends as a terminal's lines do. */
  readonly tty: boolean;
}

/** A line, or a piece of one that was long or not ended yet. */
export interface LogEntry {
  readonly stream: LogStream;
  /** When the line was ended, as far as that was known. Nanoseconds since the epoch. */
  readonly timeNs: bigint;
  /** With its newline if it had one. */
  readonly bytes: Uint8Array;
  /** A piece of this line was given before. */
  readonly continues: boolean;
  /** The engine's own words, about output that is missing. */
  readonly note: boolean;
}
