/**
 * Options as data. A command declares `{ name: flag }`; the parser, the help page, the shell completion and the type of
 * the parsed values all come from that one table. Constructors here cover the plain kinds; subjects with a
 * grammar of their own (ports, mounts, sizes) make theirs with `custom`.
 */

export interface Flag<T> {
  readonly short: string | undefined;
  /** What help prints after the name: `list`, `bytes`; empty for a switch. */
  readonly word: string;
  readonly help: string;
  /** Printed as `(default X)`. */
  readonly shownDefault: string | undefined;
  readonly initial: T;
  /** The value after one more occurrence. Throws `Error` with the reason alone: the parser says where. */
  accept(before: T, text: string): T;
  /** The text that a bare occurrence stands for; undefined when a value must follow. */
  readonly bare: string | undefined;
  /** Parsed, but not shown in help: kept for scripts that still pass it. */
  readonly hidden: boolean;
}

export type FlagTable = Readonly<Record<string, Flag<unknown>>>;

/** The values that a table of flags parses to. */
export type Values<F extends FlagTable> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

interface Extra {
  readonly shownDefault?: string;
  readonly hidden?: boolean;
}

/** A flag with a value and its own grammar. Put `short` as "" when there is none. */
export function custom<T>(
  short: string,
  word: string,
  help: string,
  initial: T,
  accept: (before: T, text: string) => T,
  extra: Extra = {},
): Flag<T> {
  return {
    short: short === "" ? undefined : short,
    word,
    help,
    shownDefault: extra.shownDefault,
    initial,
    accept,
    bare: undefined,
    hidden: extra.hidden ?? false,
  };
}

const truths = ["1", "t", "T", "TRUE", "true", "True"];
const falsehoods = ["0", "f", "F", "FALSE", "false", "False"];

function parseSwitch(text: string): boolean {
  if (truths.includes(text)) return true;
  if (falsehoods.includes(text)) return false;
  throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** On or off: `--rm`, `--rm=false`. */
export function toggle(short: string, help: string, initial = false, extra: Extra = {}): Flag<boolean> {
  const shown = initial ? { shownDefault: "true", ...extra } : extra;
  return { ...custom(short, "", help, initial, (_before, text) => parseSwitch(text), shown), bare: "true" };
}

/** Any text; the last occurrence counts. */
export function text(short: string, help: string, initial = "", extra: Extra = {}): Flag<string> {
  const shown = initial === "" ? extra : { shownDefault: JSON.stringify(initial), ...extra };
  return custom(short, "string", help, initial, (_before, value) => value, shown);
}

/** Every occurrence counts, in order. `check` may rewrite or refuse a value. */
export function list(
  short: string,
  help: string,
  check: (value: string) => string = (value) => value,
  extra: Extra = {},
): Flag<readonly string[]> {
  return custom<readonly string[]>(
    short,
    "list",
    help,
    [],
    (before, value) => [...before, check(value)],
    extra,
  );
}

/** Parses a whole number; the wording of failures is Docker's. */
export function parseInteger(value: string): number {
  if (!/^[+-]?\d+$/.test(value))
    throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(value)}: value out of range`);
  }
  return number;
}

/** A whole number; undefined while not given. */
export function integer(short: string, help: string, extra: Extra = {}): Flag<number | undefined> {
  return custom<number | undefined>(
    short,
    "int",
    help,
    undefined,
    (_before, value) => parseInteger(value),
    extra,
  );
}
