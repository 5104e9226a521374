/**
 * The files of one container's log: `log` is written to, `log.1` is the one before it, and so on. The supervisor
 * rotates by renaming, at the end of a record, so a file's inode is its identity and a rotated file is complete.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";

export class LogFile implements Disposable {
  readonly #fd: number;
  readonly inode: number;

  constructor(path: string) {
    this.#fd = openSync(path, "r");
    this.inode = fstatSync(this.#fd).ino;
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

/** The age of each file in the directory, oldest first: `log.2`, `log.1`, `log` are 2, 1, 0. */
export function logAges(directory: string): number[] {
  const ages: number[] = [];
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return ages;
  }
  for (const name of names) {
    const match = /^log(?:\.([0-9]{1,4}))?$/.exec(name);
    if (match !== null) ages.push(match[1] === undefined ? 0 : Number(match[1]));
  }
  return ages.sort((a, b) => b - a);
}

function pathOf(directory: string, age: number): string {
  return age === 0 ? `${directory}/log` : `${directory}/log.${age}`;
}

/** Opens the file of that age; undefined when there is none (any more). */
export function openLog(directory: string, age: number): LogFile | undefined {
  try {
    return new LogFile(pathOf(directory, age));
  } catch {
    return undefined;
  }
}

function inodeAt(directory: string, age: number): number | undefined {
  try {
    return statSync(pathOf(directory, age)).ino;
  } catch {
    return undefined;
  }
}

const retries = 16;

/**
 * The file that follows `current`, or undefined while `current` is the one being written to. A rotation may happen
 * between any two looks, so the answer counts only when `current` has not moved in the meantime. When `current` was
 * rotated out of existence, records were lost to the size limit and the oldest file goes on.
 */
export function openNext(directory: string, current: LogFile): LogFile | undefined {
  for (let retry = 0; retry < retries; retry += 1) {
    const age = logAges(directory).find((candidate) => inodeAt(directory, candidate) === current.inode);
    if (age === 0) return undefined;
    if (age === undefined) {
      const oldest = logAges(directory)[0];
      const next = oldest === undefined ? undefined : openLog(directory, oldest);
      if (next !== undefined && next.inode !== current.inode) return next;
      next?.[Symbol.dispose]();
      continue;
    }
    const next = openLog(directory, age - 1);
    if (next !== undefined && inodeAt(directory, age) === current.inode) return next;
    next?.[Symbol.dispose]();
  }
  return undefined;
}
