/**
 * Options as data. A command declares `{ name: flag }`; the parser, the help page, the shell completion and the type of
 * the parsed values all come from that one table. Constructors here cover the plain kinds; subjects with a
 * grammar of their own (ports, mounts, sizes) make theirs with `custom`.
 */
import { parseCsvLine } from "./csv-line.ts";

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
  readonly bare?: string;
  readonly hidden?: boolean;
}

const noExtra: Extra = {};

/** A flag with a value and its own grammar. Put `short` as "" when there is none. */
export function custom<T>(
  short: string,
  word: string,
  help: string,
  initial: T,
  accept: (before: T, text: string) => T,
  extra: Extra = noExtra,
): Flag<T> {
  return {
    short: short === "" ? undefined : short,
    word,
    help,
    shownDefault: extra.shownDefault,
    initial,
    accept,
    bare: extra.bare,
    hidden: extra.hidden === true,
  };
}

const truths = ["1", "t", "T", "TRUE", "true", "True"];
const falsehoods = ["0", "f", "F", "FALSE", "false", "False"];

function acceptSwitch(_before: boolean, text: string): boolean {
  if (truths.includes(text)) return true;
  if (falsehoods.includes(text)) return false;
  throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

const off: Extra = { bare: "true" };
const offHidden: Extra = { bare: "true", hidden: true };
const on: Extra = { bare: "true", shownDefault: "true" };
const onHidden: Extra = { ...on, hidden: true };

/** On or off: `--rm`, `--rm=false`. */
export function toggle(short: string, help: string, initial = false, extra: Extra = noExtra): Flag<boolean> {
  const hidden = extra.hidden === true;
  const shown = initial ? (hidden ? onHidden : on) : hidden ? offHidden : off;
  return custom(short, "", help, initial, acceptSwitch, shown);
}

function acceptText(_before: string, text: string): string {
  return text;
}

/** Any text; the last occurrence counts. */
export function text(short: string, help: string, initial = "", extra: Extra = noExtra): Flag<string> {
  const shown = initial === "" ? extra : { shownDefault: JSON.stringify(initial), ...extra };
  return custom(short, "string", help, initial, acceptText, shown);
}

const emptyList: readonly string[] = [];

function append(before: readonly string[], text: string): readonly string[] {
  return [...before, text];
}

/** Every occurrence counts, in order. `check` may rewrite or refuse a value. */
export function list(
  short: string,
  help: string,
  check?: (value: string) => string,
  extra: Extra = noExtra,
): Flag<readonly string[]> {
  const accept =
    check === undefined ? append : (before: readonly string[], value: string) => append(before, check(value));
  return custom(short, "list", help, emptyList, accept, extra);
}

/** Every occurrence counts, and each may be several with commas between them, quoted as in CSV where need be. */
export function strings(short: string, help: string, extra: Extra = noExtra): Flag<readonly string[]> {
  const accept = (before: readonly string[], value: string): readonly string[] => [
    ...before,
    ...parseCsvLine(value),
  ];
  return custom(short, "strings", help, emptyList, accept, extra);
}

/** Parses a whole number; the wording of failures is Docker's. */
export function parseInteger(value: string): number {
  if (!/^[+-]?\d+$/.test(value)) {
    throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(value)}: value out of range`);
  }
  return number;
}

function acceptInteger(_before: number | undefined, value: string): number {
  return parseInteger(value);
}

/** A whole number; undefined while not given. */
export function integer(short: string, help: string, extra: Extra = noExtra): Flag<number | undefined> {
  return custom<number | undefined>(short, "int", help, undefined, acceptInteger, extra);
}
