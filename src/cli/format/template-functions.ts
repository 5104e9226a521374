/** The functions of format templates: Go's own and those that Docker adds. Pure. */
import { goJson, goPrint, goQuote, goTruth, isRecord, type Method } from "./go-values.ts";
import { TemplateError } from "./template-lexer.ts";

function textOf(value: unknown): string {
  return typeof value === "string" ? value : goPrint(value);
}

/** Go puts blanks between two operands of print only when neither is text. */
function printed(args: readonly unknown[]): string {
  return args.reduce<string>((line, value, index) => {
    const gap = index > 0 && typeof value !== "string" && typeof args[index - 1] !== "string" ? " " : "";
    return line + gap + goPrint(value);
  }, "");
}

function indexed(value: unknown, keys: readonly unknown[]): unknown {
  return keys.reduce<unknown>((inner, key) => {
    if (inner === undefined || inner === null)
      throw new TemplateError("error calling index: index of untyped nil");
    if (Array.isArray(inner) || typeof inner === "string") {
      const at = Number(key);
      if (!Number.isInteger(at) || at < 0 || at >= inner.length) {
        throw new TemplateError(`error calling index: index out of range: ${goPrint(key)}`);
      }
      return typeof inner === "string" ? inner.charCodeAt(at) : inner[at];
    }
    if (!isRecord(inner)) throw new TemplateError("error calling index: can't index item");
    return Object.hasOwn(inner, textOf(key)) ? inner[textOf(key)] : "";
  }, value);
}

function lengthOf(value: unknown): number {
  if (typeof value === "string") return new TextEncoder().encode(value).length;
  if (Array.isArray(value)) return value.length;
  if (isRecord(value)) return Object.keys(value).length;
  if (value === null || value === undefined) return 0;
  throw new TemplateError("error calling len: len of type that has none");
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : Number(a > b);
  throw new TemplateError("error calling comparison: incompatible types for comparison");
}

function pad(value: unknown, prefix: unknown, suffix: unknown): string {
  const text = textOf(value);
  return text === "" ? "" : `${" ".repeat(Number(prefix))}${text}${" ".repeat(Number(suffix))}`;
}

/** C-style formatting as far as templates use it: %s %v %d %q %t %x %f and widths. */
function formatted(args: readonly unknown[]): string {
  let next = 1;
  return textOf(args[0]).replace(
    /%(-?)(0?)(\d*)(?:\.(\d+))?([svdqtxXfT%])/g,
    (_all, left, zero, width, digits, verb) => {
      if (verb === "%") return "%";
      if (next >= args.length) return `%!${verb}(MISSING)`;
      const value = args[next];
      next += 1;
      let text = textOf(value);
      if (verb === "q") text = goQuote(text);
      else if (verb === "x" || verb === "X") {
        text = typeof value === "number" ? value.toString(16) : Buffer.from(text).toString("hex");
        if (verb === "X") text = text.toUpperCase();
      } else if (verb === "f") text = Number(value).toFixed(digits === undefined ? 6 : Number(digits));
      else if (verb === "d" && typeof value === "number") text = String(Math.trunc(value));
      const columns = Number(width);
      if (left === "-") return text.padEnd(columns);
      return text.padStart(columns, zero === "0" && verb !== "s" ? "0" : " ");
    },
  );
}

export const templateFunctions: Readonly<Record<string, Method>> = {
  json: (value) => goJson(value ?? null),
  upper: (value) => textOf(value).toUpperCase(),
  lower: (value) => textOf(value).toLowerCase(),
  title: (value) =>
    textOf(value).replace(/(^|\s)(\S)/g, (_all, gap: string, letter: string) => gap + letter.toUpperCase()),
  join: (values, separator) =>
    Array.isArray(values) ? values.map(textOf).join(textOf(separator)) : textOf(values),
  split: (value, separator) => textOf(value).split(textOf(separator)),
  pad: (value, prefix, suffix) => pad(value, prefix, suffix),
  truncate: (value, length) => textOf(value).slice(0, Number(length)),
  println: (...args) => `${args.map(goPrint).join(" ")}\n`,
  print: (...args) => printed(args),
  printf: (...args) => formatted(args),
  len: lengthOf,
  index: (value, ...keys) => indexed(value, keys),
  slice: (value, from, to) => {
    const [start, end] = [from === undefined ? 0 : Number(from), to === undefined ? undefined : Number(to)];
    return Array.isArray(value) ? value.slice(start, end) : textOf(value).slice(start, end);
  },
  not: (value) => !goTruth(value),
  eq: (first, ...others) => others.some((other) => first === other),
  ne: (a, b) => a !== b,
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  html: (value) => textOf(value).replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`),
  urlquery: (value) => encodeURIComponent(textOf(value)).replaceAll("%20", "+"),
  js: (value) => JSON.stringify(textOf(value)).slice(1, -1),
};
