/**
 * The line format of log files, which is Kubernetes' CRI format:
 *
 *   2016-10-06T00:17:09.669794202Z stdout F the text of a line
 *
 * Time, stream, tag, text. Tag `P` is a piece of a line that goes on in a later record of the same stream, `F` the
 * (last piece of a) line. Pure: bytes in, records out.
 */

export interface LogRecord {
  /** RFC 3339 with nanoseconds, as written. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** Whether the line ends here. */
  readonly complete: boolean;
  /** The text without the newline; a view into the parsed bytes. */
  readonly text: Uint8Array;
}

const space = 0x20;
const letterF = 0x46;
const letterO = 0x6f;
const longestTime = 40;
const latin = new TextDecoder("latin1");

/** One record from a line without its newline; undefined when it is not in the format. */
export function parseRecord(line: Uint8Array): LogRecord | undefined {
  const timeEnd = line.indexOf(space);
  if (timeEnd <= 0 || timeEnd > longestTime) return undefined;
  // "stdout" and "stderr" are equally long, so the tag's place is known.
  const streamEnd = timeEnd + 7;
  if (line[streamEnd] !== space || line[streamEnd + 2] !== space) return undefined;
  return {
    time: latin.decode(line.subarray(0, timeEnd)),
    stream: line[timeEnd + 4] === letterO ? "stdout" : "stderr",
    complete: line[streamEnd + 1] === letterF,
    text: line.subarray(streamEnd + 3),
  };
}

/** Nanoseconds since the epoch of a record's time; exact, because `since` and `until` have that precision. */
export function timeNs(time: string): bigint {
  const dot = time.indexOf(".");
  const zone = time.endsWith("Z") ? time.length - 1 : time.length;
  const seconds = Date.parse(`${time.slice(0, dot < 0 ? zone : dot)}Z`);
  if (Number.isNaN(seconds)) return 0n;
  const fraction = dot < 0 ? "0" : time.slice(dot + 1, zone);
  return BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(9, "0").slice(0, 9));
}
