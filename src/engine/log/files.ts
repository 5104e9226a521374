/**
 * The files of one container's log: `log.START`, START being how much output there was before it. A file is never
 * renamed, so its name is its identity and its place; it is complete as soon as a later one is there.
 */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { logNamePrefix, logRecord } from "../../abi/schema.ts";

export class LogFile implements Disposable {
  readonly #fd: number;
  readonly start: number;

  constructor(path: string, start: number) {
    this.#fd = openSync(path, "r");
    this.start = start;
  }

  read(into: Uint8Array, position: number): number {
    return readSync(this.#fd, into, 0, into.length, position);
  }

  size(): number {
    return fstatSync(this.#fd).size;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

export function logFileName(start: number): string {
  return `${logNamePrefix}${String(start).padStart(logRecord.nameDigits, "0")}`;
}

/** NaN for a file that is none of a log's. */
function startOf(name: string): number {
  const digits = name.slice(logNamePrefix.length);
  const isName = name.startsWith(logNamePrefix) && digits.length === logRecord.nameDigits;
  return isName && /^[0-9]+$/.test(digits) ? Number(digits) : Number.NaN;
}

/** Where each file in the directory begins, oldest first. */
export function logStarts(directory: string): number[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  const starts: number[] = [];
  for (const name of names) {
    const start = startOf(name);
    if (Number.isSafeInteger(start)) starts.push(start);
  }
  return starts.sort((a, b) => a - b);
}

/** The file that is written to, or will be. */
export function newestLogPath(directory: string): string {
  return `${directory}/${logFileName(logStarts(directory).at(-1) ?? 0)}`;
}

/** Where versions before this format wrote; undefined when nothing is there. */
export function earlierLogPath(directory: string): string | undefined {
  const path = `${directory}/log`;
  return existsSync(path) ? path : undefined;
}

/** Opens the file that begins there; undefined when it is not there (any more). */
export function openLog(directory: string, start: number): LogFile | undefined {
  try {
    return new LogFile(`${directory}/${logFileName(start)}`, start);
  } catch {
    return undefined;
  }
}

const attempts = 16;

/**
 * The oldest file that begins after `start`, or undefined. A listing is not one moment: it may show a file and miss one
 * that was made just before it, so a second one decides. Files may also go between a look and the opening.
 */
export function openAfter(directory: string, start: number): LogFile | undefined {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    if (!logStarts(directory).some((candidate) => candidate > start)) return undefined;
    const next = logStarts(directory).find((candidate) => candidate > start);
    const file = next === undefined ? undefined : openLog(directory, next);
    if (file !== undefined) return file;
  }
  return undefined;
}
