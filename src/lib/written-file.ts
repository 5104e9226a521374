/**
 * A file that somebody has written for a program to obey: configurations, profiles, descriptions of devices. Whatever is at its place is
 * looked at before it is read, so that a pipe holds nobody up and an endless file fills no memory; what is no text is not guessed at.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readlinkSync,
  readSync,
  type Stats,
  statSync,
} from "node:fs";
import { messageOf } from "./errors.ts";
import { FileFault } from "./file-fault.ts";

export interface WrittenFileRules {
  readonly limitBytes: number;
  /** Who can write it is obeyed by this process, so not everybody may. */
  readonly trusted?: boolean;
}

export const defaultLimitBytes = 4 * 1024 * 1024;
const othersMayWrite = 0o002;
const permissionBits = 0o7777;
/** Linux's number of /dev/null, which is a usual name for a file that says nothing. */
const nullDevice = 0x103;
const mark = /^\uFEFF/;

function errnoOf(thrown: unknown): string {
  return thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
}

function reasonOf(thrown: unknown): string {
  // "EACCES: permission denied, open '/x'": who reads it knows the path already.
  return `cannot read it: ${messageOf(thrown).replace(/, (?:open|read|f?stat)(?: '.*')?$/, "")}`;
}

function kindOf(found: Stats): string {
  if (found.isDirectory()) return "a directory";
  if (found.isFIFO()) return "a pipe";
  if (found.isSocket()) return "a socket";
  return "a device";
}

/** Where a link leads that leads nowhere. */
function danglingTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function checkStatus(found: Stats, { limitBytes, trusted = false }: WrittenFileRules): void {
  if (!found.isFile()) throw new FileFault(`it is ${kindOf(found)}, wanted a file`);
  if (found.size > limitBytes)
    throw new FileFault(`it has ${found.size} bytes, wanted at most ${limitBytes}`);
  if (!trusted) return;
  const mode = (found.mode & permissionBits).toString(8).padStart(4, "0");
  if ((found.mode & othersMayWrite) !== 0)
    throw new FileFault(
      `everybody may write it (mode ${mode}), wanted one that only its owner writes: chmod o-w`,
    );
}

function readBytes(path: string, rules: WrittenFileRules): Uint8Array {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    // The name may have become another's meanwhile.
    checkStatus(fstatSync(file), rules);
    const parts: Uint8Array[] = [];
    for (let length = 0; length <= rules.limitBytes; ) {
      const part = new Uint8Array(64 * 1024);
      const count = readSync(file, part);
      if (count === 0) return Buffer.concat(parts);
      parts.push(part.subarray(0, count));
      length += count;
    }
    throw new FileFault(`it has more than ${rules.limitBytes} bytes`);
  } finally {
    closeSync(file);
  }
}

/** The text in UTF-8, without the mark that some editors put before it. Throws `FileFault`. */
export function textOfWritten(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes).replace(mark, "");
  } catch {
    if (bytes[0] === 0xff && bytes[1] === 0xfe) throw new FileFault("it is UTF-16, wanted UTF-8");
    throw new FileFault(`line ${lineOfFault(bytes)}: found bytes that are no UTF-8`);
  }
}

/** Counted from what decodes: a letter that is none is never a line's end. */
function lineOfFault(bytes: Uint8Array): number {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const own = new TextEncoder().encode(text);
  let line = 1;
  for (const [index, byte] of bytes.entries()) {
    if (own[index] !== byte) break;
    if (byte === 10) line += 1;
  }
  return line;
}

/** Undefined where there is nothing of that name. Throws `FileFault`. */
export function readWrittenFile(path: string, rules: Partial<WrittenFileRules> = {}): string | undefined {
  const full = { limitBytes: defaultLimitBytes, ...rules };
  try {
    const found = statSync(path);
    if (found.isCharacterDevice() && found.rdev === nullDevice) return "";
    checkStatus(found, full);
    return textOfWritten(readBytes(path, full));
  } catch (thrown) {
    if (thrown instanceof FileFault) throw thrown;
    const errno = errnoOf(thrown);
    const target = errno === "ENOENT" ? danglingTarget(path) : undefined;
    if (target !== undefined) throw new FileFault(`it is a link to ${target}, which is not there`);
    if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
    throw new FileFault(reasonOf(thrown));
  }
}
