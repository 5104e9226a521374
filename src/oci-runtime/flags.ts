/**
 * Flags in the way of Go's command lines, which callers of OCI runtimes are used to: `-name` and `--name` are the
 * same, a value follows as its own word or after `=`, a switch may say `=false`. Flags may stand after other words,
 * except where the words are a program of their own (`exec`).
 */
import { TiffinError } from "../lib/errors.ts";

export interface FlagRow {
  readonly name: string;
  readonly short?: string;
  readonly kind: "switch" | "text" | "list";
  readonly doc: string;
}

export class Flags {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  switch(name: string): boolean {
    return this.#values.get(name)?.at(-1) === "true";
  }

  /** The last value given; undefined when the flag is absent or empty, as scripts pass a variable that is not set. */
  text(name: string): string | undefined {
    return this.#values.get(name)?.at(-1) || undefined;
  }

  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** A whole number; undefined when the flag is absent or empty. Throws `invalid` for other text. */
  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (!/^[+-]?\d{1,19}$/.test(text))
      throw usage(`--${name} is ${JSON.stringify(text)}, wanted a whole number`);
    return Number(text);
  }
}

export interface ParsedWords {
  readonly flags: Flags;
  readonly words: readonly string[];
}

export function usage(message: string): TiffinError {
  return new TiffinError("invalid", "runtime.usage", message);
}

const flagPattern = /^--?([A-Za-z0-9][A-Za-z0-9-]*)(?:=(.*))?$/s;

/** `stopAtWord`: everything from the first other word on is left alone. Throws `invalid` for an unknown flag. */
export function parseWords(
  input: readonly string[],
  rows: readonly FlagRow[],
  stopAtWord: boolean,
): ParsedWords {
  const values = new Map<string, string[]>();
  const words: string[] = [];
  for (let at = 0; at < input.length; at += 1) {
    const word = input[at] ?? "";
    if (word === "--") {
      words.push(...input.slice(at + 1));
      break;
    }
    const match = flagPattern.exec(word);
    if (match === null) {
      if (stopAtWord) {
        words.push(...input.slice(at));
        break;
      }
      words.push(word);
      continue;
    }
    const row = rows.find(({ name, short }) => name === match[1] || short === match[1]);
    if (row === undefined) throw usage(`flag provided but not defined: ${word}`);
    let value = match[2];
    if (row.kind === "switch") value = switchValue(row, value);
    else if (value === undefined) {
      at += 1;
      value = input[at];
      if (value === undefined) throw usage(`flag needs an argument: ${word}`);
    }
    values.set(row.name, [...(values.get(row.name) ?? []), value]);
  }
  return { flags: new Flags(values), words };
}

function switchValue(row: FlagRow, value: string | undefined): "true" | "false" {
  if (value === undefined || /^(true|t|1)$/i.test(value)) return "true";
  if (/^(false|f|0)$/i.test(value)) return "false";
  throw usage(`invalid boolean value ${JSON.stringify(value)} for --${row.name}`);
}
