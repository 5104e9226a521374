/**
 * What the engine says of itself, on standard error: a line for people, or one JSON document a line. Where standard error is
 * systemd's journal, lines for people begin with the priority that the journal reads (sd-daemon(3)).
 */
import { fstatSync, writeSync } from "node:fs";
import { type LogLevel, logLevels } from "../engine/config.ts";
import { nowMs } from "../lib/clock.ts";
import { messageOf, TiffinError } from "../lib/errors.ts";

export type LogFields = Readonly<Record<string, string>>;

const standardError = 2;
/** syslog(3) */
const priorities: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

export interface EngineLogOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** Each line begins with its priority. */
  readonly toJournal: boolean;
  readonly write?: (line: string) => void;
}

export class EngineLog {
  #options: EngineLogOptions;
  readonly #write: (line: string) => void;

  constructor(options: EngineLogOptions) {
    this.#options = options;
    this.#write = options.write ?? ((line) => writeSync(standardError, line));
  }

  adjust(options: Pick<EngineLogOptions, "level" | "format">): void {
    this.#options = { ...this.#options, ...options };
  }

  say(level: LogLevel, message: string, fields: LogFields = {}): void {
    const { level: least, format } = this.#options;
    if (logLevels.indexOf(level) > logLevels.indexOf(least)) return;
    if (format === "json") {
      this.#write(
        `${JSON.stringify({ time: new Date(nowMs()).toISOString(), level, message, ...fields })}\n`,
      );
      return;
    }
    const { stack, code, ...rest } = fields;
    const words = Object.entries(rest).map(
      ([name, value]) => ` ${name}=${/[\s"=]/.test(value) ? JSON.stringify(value) : value}`,
    );
    const text = `tiffin: ${message}${code === undefined ? "" : ` [${code}]`}${words.join("")}${stack === undefined ? "" : `\n${stack}`}`;
    const prefix = this.#options.toJournal ? `<${priorities[level]}>` : "";
    for (const line of text.split("\n")) this.#write(`${prefix}${line}\n`);
  }

  /** A failure that no client waits for: `what` it was, if that is not the message's to say. */
  fail(thrown: unknown, what?: string, withStack = false): void {
    const message = what === undefined ? messageOf(thrown) : `${what}: ${messageOf(thrown)}`;
    this.say("error", message, {
      ...(thrown instanceof TiffinError && { code: thrown.code }),
      ...(withStack && thrown instanceof Error && thrown.stack !== undefined && { stack: thrown.stack }),
    });
  }
}

/** Whether standard error is the stream that `JOURNAL_STREAM` names: what came down from a parent may be another's. */
export function isJournal(stream: string | undefined, fd = standardError): boolean {
  if (stream === undefined) return false;
  const { dev, ino } = fstatSync(fd);
  return stream === `${dev}:${ino}`;
}
