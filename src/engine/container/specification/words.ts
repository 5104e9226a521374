/** What texts of a creation can be no word of: file names, lines of files, strings of a program's environment. Pure. */
import { refuse } from "./refuse.ts";

const shownLength = 60;

export function shown(text: string): string {
  return JSON.stringify(text.length > shownLength ? `${text.slice(0, shownLength)}...` : text);
}

/** No text and no key of the whole request may hold a NUL: each goes to the kernel, into a file, or to a reader in C. */
export function refuseNul(value: unknown): void {
  if (holdsNul(value)) refuseNulIn(value, "");
}

function holdsNul(value: unknown): boolean {
  if (typeof value === "string") return value.includes("\0");
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(holdsNul);
  return Object.keys(value).some(holdsNul) || Object.values(value).some(holdsNul);
}

function refuseNulIn(value: unknown, path: string): void {
  if (typeof value === "string") {
    if (value.includes("\0")) refuse("nul", `invalid ${path}: ${shown(value)} contains a NUL character`);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (key.includes("\0")) refuse("nul", `invalid ${path}: ${shown(key)} contains a NUL character`);
    refuseNulIn(item, path === "" ? key : `${path}.${key}`);
  }
}

/** MAX_ARG_STRLEN with the terminating NUL: execve takes no longer string. */
const longestString = 128 * 1024 - 1;
/** What execve takes of arguments and environment at the usual stack limit of 8 MiB, pointers included. */
const mostStringBytes = 2 * 1024 * 1024;
const pointerBytes = 8;
/** PATH_MAX and NAME_MAX, the former without its NUL. */
const longestPath = 4095;
const longestName = 255;

/** What the program is given at its start. */
export function validateStrings(what: string, words: readonly string[]): void {
  let total = 0;
  for (const word of words) {
    const bytes = Buffer.byteLength(word);
    if (bytes > longestString) {
      refuse(
        "string-length",
        `invalid ${what}: ${shown(word)} has ${bytes} bytes, the kernel takes at most ${longestString} in one string`,
      );
    }
    total += bytes + 1 + pointerBytes;
  }
  if (total > mostStringBytes) {
    refuse(
      "string-length",
      `invalid ${what}: ${words.length} strings of ${total} bytes, the kernel takes at most ${mostStringBytes} for arguments and environment together`,
    );
  }
}

/** A path that the kernel can be asked about. */
export function validatePath(what: string, path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > longestPath) {
    refuse(
      "path-length",
      `invalid ${what}: ${shown(path)} has ${bytes} bytes, a path has at most ${longestPath}`,
    );
  }
  for (const name of path.split("/")) {
    const length = Buffer.byteLength(name);
    if (length <= longestName) continue;
    refuse(
      "path-length",
      `invalid ${what}: ${shown(name)} has ${length} bytes, a name in a path has at most ${longestName}`,
    );
  }
}

/** Neither spaces nor control characters: each of these is a word in a line of a file. */
export const printable = /^[^\s\p{Cc}]*$/u;

export function validateWord(what: string, word: string): void {
  if (word !== "" && printable.test(word)) return;
  refuse("file-word", `invalid ${what} ${shown(word)}: wanted a word without spaces and line breaks`);
}
