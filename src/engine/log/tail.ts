/** Finds where the last N lines of a log begin, reading backwards from its end. */
import { type LogFile, logAges, openLog } from "./files.ts";
import { parseRecord } from "./record.ts";

export interface LogPlace {
  readonly file: LogFile;
  readonly offset: number;
}

const blockBytes = 64 * 1024;
const newline = 0x0a;

/**
 * The place after the record that ends the line before the last `lines` ones, counting only lines that `counts`
 * accepts. The file in the result belongs to the caller; undefined when there is no log.
 */
export function findTail(
  directory: string,
  lines: number,
  counts: (stream: "stdout" | "stderr") => boolean,
): LogPlace | undefined {
  let last: LogPlace | undefined;
  let found = 0;
  for (const age of logAges(directory).reverse()) {
    const file = openLog(directory, age);
    if (file === undefined) continue;
    last?.file[Symbol.dispose]();
    last = { file, offset: 0 };
    for (const record of recordsBackwards(file)) {
      const parsed = parseRecord(record.line);
      if (parsed === undefined || !parsed.complete || !counts(parsed.stream)) continue;
      if (found === lines) return { file, offset: record.end };
      found += 1;
    }
  }
  return last;
}

/** Complete lines from the end of the file to its beginning; `end` is the offset after the newline. */
function* recordsBackwards(file: LogFile): Generator<{ readonly line: Uint8Array; readonly end: number }> {
  let position = file.size();
  let held: Uint8Array = new Uint8Array(0);
  let end = -1;
  while (position > 0) {
    const start = Math.max(0, position - blockBytes);
    const block = new Uint8Array(position - start + held.length);
    file.read(block.subarray(0, position - start), start);
    block.set(held, position - start);
    let stop = block.length;
    for (let index = block.lastIndexOf(newline, stop - 1); index >= 0; ) {
      if (end >= 0) yield { line: block.subarray(index + 1, stop), end };
      end = start + index + 1;
      stop = index;
      index = index === 0 ? -1 : block.lastIndexOf(newline, index - 1);
    }
    held = block.subarray(0, stop);
    position = start;
  }
  if (end >= 0) yield { line: held, end };
}
