/**
 * Where errors and warnings go: the file of `--log`, whose readers (engines) look for the last error in it, and
 * standard error, for people. Formats are those of the other runtimes: logrus text, or a JSON object per line.
 */
import { openFile, openFlags } from "../kernel/files.ts";
import { writeAll } from "../kernel/io.ts";
import { nowMs } from "../lib/clock.ts";
import { messageOf, TiffinError } from "../lib/errors.ts";

export type LogLevel = "debug" | "warning" | "error";

export interface ErrorLog {
  /** Undefined: standard error alone. */
  readonly path: string | undefined;
  readonly format: "text" | "json";
  readonly debug: boolean;
  /** Writes to standard error. */
  readonly show: (text: string) => void;
}

const logMode = 0o644;
const longestMessage = 2000;

function lineOf(format: ErrorLog["format"], level: LogLevel, text: string): string {
  const time = `${new Date(nowMs()).toISOString().slice(0, 19)}Z`;
  if (format === "json") return `${JSON.stringify({ level, msg: text, time })}\n`;
  return `time="${time}" level=${level} msg=${JSON.stringify(text)}\n`;
}

/** One line. A log that cannot be written must not hide what it was to say, so then it goes to standard error. */
export function log(to: ErrorLog, level: LogLevel, text: string): void {
  if (level === "debug" && !to.debug) return;
  const line = lineOf(to.format, level, text);
  if (to.path === undefined) {
    if (level !== "error") to.show(line);
    return;
  }
  try {
    // A pipe that nobody reads must not hold up the end of a command.
    const flags = openFlags.writeOnly | openFlags.append | openFlags.create | openFlags.nonBlocking;
    using file = openFile(undefined, to.path, flags, { mode: logMode });
    writeAll(file, new TextEncoder().encode(line));
  } catch {
    to.show(line);
  }
}

/** An error quotes what it found, which may be a path or a word of any length: its ends are enough. */
function clipped(text: string): string {
  if (text.length <= longestMessage) return text;
  return `${text.slice(0, longestMessage / 2)} ... ${text.slice(-longestMessage / 2)}`;
}

/** One line without characters that a terminal would obey: what is quoted may come from an image. */
function harmless(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(2, "0");
    return `\\x${code}`;
  });
}

/** The end of a failed command: in the log as it is, for people with what to try. */
export function reportError(to: ErrorLog, thrown: unknown): void {
  const text = clipped(messageOf(thrown));
  log(to, "error", text);
  // Who wants JSON and names no file reads standard error.
  if (to.path === undefined && to.format === "json") {
    to.show(lineOf("json", "error", text));
    return;
  }
  const remedy = thrown instanceof TiffinError && thrown.remedy !== undefined ? ` (${thrown.remedy})` : "";
  to.show(`tiffin-runtime: ${harmless(`${text}${remedy}`)}\n`);
}
