/** Go's fmt: the verbs, flags, widths and complaints of Sprintf, and what Sprint and Sprintln make of values. Pure. */
import { own } from "../../lib/own.ts";
import { binaryExponent, fixed, general, scientific } from "./format-number.ts";
import { goTimeSource } from "./go-time.ts";
import { fitsBackquotes, goQuote, goQuoteCharacter, isPrintable } from "./quote.ts";
import {
  entriesOf,
  fieldValue,
  GoValue,
  goValue,
  integerOf,
  isTypedNil,
  kindOf,
  listOf,
  numberOf,
  pointedTo,
  textIn,
  typeName,
} from "./value.ts";

interface Flags {
  readonly plus: boolean;
  readonly minus: boolean;
  readonly sharp: boolean;
  readonly space: boolean;
  readonly zero: boolean;
  /** Within a complaint nothing says itself what it is. */
  readonly complains: boolean;
  /** An address is shown without its prefix. */
  readonly bare: boolean;
  /** `%+v`: fields are shown with their names. */
  readonly named: boolean;
  readonly width: number | undefined;
  readonly precision: number | undefined;
}

const noFlags: Flags = {
  plus: false,
  minus: false,
  sharp: false,
  space: false,
  zero: false,
  complains: false,
  bare: false,
  named: false,
  width: undefined,
  precision: undefined,
};

function pad(text: string, flags: Flags): string {
  const missing = (flags.width ?? 0) - [...text].length;
  if (missing <= 0) return text;
  if (flags.minus) return text + " ".repeat(missing);
  return (flags.zero ? "0" : " ").repeat(missing) + text;
}

/** Zeros go between the sign and the digits. */
function padNumber(text: string, flags: Flags): string {
  const hasDigits = /[0-9]/.test(text);
  if (!flags.zero || flags.minus || !hasDigits) return pad(text, { ...flags, zero: false });
  const sign = /^[-+ ]/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart((flags.width ?? 0) - sign.length, "0");
}

function signOf(isNegative: boolean, flags: Flags): string {
  return isNegative ? "-" : flags.plus ? "+" : flags.space ? " " : "";
}

const bases: Readonly<Record<string, number>> = { b: 2, o: 8, O: 8, d: 10, v: 10, x: 16, X: 16 };

function prefixOf(verb: string, digits: string, flags: Flags): string {
  if (verb === "O") return "0o";
  if (!flags.sharp) return "";
  if (verb === "b") return "0b";
  if (verb === "o") return digits.startsWith("0") ? "" : "0";
  return verb === "x" || verb === "X" ? `0${verb}` : "";
}

function formatInteger(value: bigint, verb: string, flags: Flags): string {
  const isNegative = value < 0n;
  const sign = signOf(isNegative, flags);
  if (flags.precision === 0 && value === 0n) return " ".repeat(flags.width ?? 0);
  let digits = (isNegative ? -value : value).toString(own(bases, verb) ?? 10);
  if (verb === "X") digits = digits.toUpperCase();
  const fillsWidth = flags.precision === undefined && flags.zero && !flags.minus;
  const least = fillsWidth ? (flags.width ?? 0) - (sign === "" ? 0 : 1) : (flags.precision ?? 0);
  digits = digits.padStart(least, "0");
  return pad(sign + prefixOf(verb, digits, flags) + digits, { ...flags, zero: false });
}

function formatUnicode(value: bigint, flags: Flags): string {
  const code = BigInt.asUintN(64, value);
  const shown = `U+${code
    .toString(16)
    .toUpperCase()
    .padStart(Math.max(4, flags.precision ?? 0), "0")}`;
  const letter = code <= 0x10ffffn ? String.fromCodePoint(Number(code)) : "";
  const character = flags.sharp && isPrintable(letter) ? ` '${letter}'` : "";
  return pad(shown + character, { ...flags, zero: false });
}

function formatWhole(value: unknown, verb: string, flags: Flags): string | undefined {
  const integer = integerOf(value);
  if (verb === "v" && flags.sharp && kindOf(value) === "uint")
    return formatInteger(integer, "x", { ...flags, sharp: true });
  if (own(bases, verb) !== undefined)
    return formatInteger(integer, verb, verb === "v" ? { ...flags, sharp: false } : flags);
  const code = integer >= 0n && integer <= 0x10ffffn ? Number(integer) : 0xfffd;
  if (verb === "c") return pad(String.fromCodePoint(code), flags);
  if (verb === "q") return pad(goQuoteCharacter(code, flags.plus), flags);
  return verb === "U" ? formatUnicode(integer, flags) : undefined;
}

const defaultPrecision = 6;

/** The flag `#`: there is always a point, and %g and %x keep their zeros. */
function withPoint(text: string, verb: string, precision: number): string {
  const [, mantissa = "", tail = ""] = /^([^ep]*)([ep].*)?$/.exec(text) ?? [];
  const keepsZeros = /[gGxX]/.test(verb);
  const wanted = !keepsZeros ? 0 : precision < 0 ? defaultPrecision : precision;
  const digits = mantissa.replace(/^-?(?:0x)?/, "").replace(".", "");
  const significant = digits === "0" && !mantissa.includes(".") ? 1 : digits.replace(/^0+/, "").length;
  const point = mantissa.includes(".") ? "" : ".";
  return mantissa + point + "0".repeat(Math.max(0, wanted - significant)) + tail;
}

function formatFloat(value: number, verb: string, flags: Flags): string | undefined {
  const precision = flags.precision ?? -1;
  let text: string;
  switch (verb) {
    case "v":
    case "g":
    case "G":
      text = general(value, precision);
      break;
    case "e":
    case "E":
      text = scientific(value, precision < 0 ? defaultPrecision : precision);
      break;
    case "f":
    case "F":
      text = fixed(value, precision < 0 ? defaultPrecision : precision);
      break;
    case "x":
    case "X":
      text = binaryExponent(value, "x", precision);
      break;
    case "b":
      text = binaryExponent(value, "b", precision);
      break;
    default:
      return undefined;
  }
  if (flags.sharp && verb !== "v" && verb !== "b") text = withPoint(text, verb, precision);
  if (!Number.isFinite(value)) text = Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  if (verb === verb.toUpperCase()) text = text.toUpperCase();
  const isNegative = text.startsWith("-");
  const isInfinite = text === "+Inf" && !flags.plus && !flags.space;
  const bare = text.replace(/^[-+]/, "");
  return padNumber((isInfinite ? "+" : signOf(isNegative, flags)) + bare, flags);
}

function hexText(text: string, verb: string, flags: Flags): string {
  const bytes = Buffer.from(text).subarray(0, flags.precision ?? undefined);
  const prefix = flags.sharp && bytes.length > 0 ? `0${verb}` : "";
  const pairs = [...bytes].map((byte) => {
    const pair = byte.toString(16).padStart(2, "0");
    return verb === "X" ? pair.toUpperCase() : pair;
  });
  return pad(prefix + pairs.join(flags.space ? ` ${prefix}` : ""), flags);
}

function formatText(text: string, verb: string, flags: Flags): string | undefined {
  if (verb === "x" || verb === "X") return hexText(text, verb, flags);
  const cut = flags.precision === undefined ? text : [...text].slice(0, flags.precision).join("");
  if (verb === "s" || (verb === "v" && !flags.sharp)) return pad(cut, flags);
  if (verb !== "q" && verb !== "v") return undefined;
  const raw = flags.sharp && verb === "q" && fitsBackquotes(cut);
  return pad(raw ? `\`${cut}\`` : goQuote(cut, flags.plus), flags);
}

function isTextVerb(verb: string): boolean {
  return ["v", "s", "q", "x", "X"].includes(verb);
}

function complaint(value: unknown, verb: string, flags: Flags): string {
  const isNothing = value === undefined || value === null;
  const inner = isNothing
    ? "<nil>"
    : `${typeName(value)}=${formatValue(value, "v", { ...flags, sharp: false, bare: flags.sharp, complains: true })}`;
  return `%!${verb}(${inner})`;
}

/** A nil within a list or map, which Go does not pad. */
function formatMember(value: unknown, verb: string, flags: Flags): string {
  if (value !== undefined && value !== null) return formatValue(value, verb, flags, 1);
  return verb === "v" && flags.sharp ? "interface {}(nil)" : "<nil>";
}

function formatList(value: unknown, verb: string, flags: Flags): string {
  const members = listOf(value).map((member) => formatMember(member, verb, flags));
  if (verb === "v" && flags.sharp) return `${typeName(value)}{${members.join(", ")}}`;
  return `[${members.join(" ")}]`;
}

function formatMap(value: unknown, verb: string, flags: Flags): string {
  const members = entriesOf(value).map(
    ([key, member]) => `${formatMember(key, verb, flags)}:${formatMember(member, verb, flags)}`,
  );
  if (verb === "v" && flags.sharp) return `${typeName(value)}{${members.join(", ")}}`;
  return `map[${members.join(" ")}]`;
}

function formatStruct(value: GoValue, verb: string, flags: Flags): string {
  const isGo = verb === "v" && flags.sharp;
  if (isGo && value.type.name === "time.Time") return goTimeSource(value.value);
  const members = value.type.fields.map((field) => {
    const member = formatMember(fieldValue(value, field), verb, flags);
    return isGo || flags.named ? `${field.name}:${member}` : member;
  });
  return isGo ? `${value.type.name}{${members.join(", ")}}` : `{${members.join(" ")}}`;
}

/** Go prints where in memory it is, which is another place every time; this stands for it. */
const somewhere = 0xc000123450n;

function address(flags: Flags): string {
  return `${signOf(false, flags)}${flags.bare || flags.sharp ? "" : "0x"}${somewhere.toString(16)}`;
}

function formatPointer(value: GoValue, verb: string, flags: Flags, depth: number): string {
  const isGo = verb === "v" && flags.sharp;
  if (verb !== "p" && depth === 0 && ["slice", "map", "struct"].includes(value.type.of.kind))
    return `&${formatValue(goValue(value.type.of, value.value), verb, flags, 1)}`;
  if (isGo) return `(${value.type.name})(0x${somewhere.toString(16)})`;
  if (verb === "v" || verb === "p") return pad(address(flags), flags);
  if (own(bases, verb) !== undefined) return formatInteger(somewhere, verb, flags);
  return complaint(value, verb, flags);
}

function formatNil(value: GoValue, verb: string, flags: Flags): string {
  const { kind, name } = value.type;
  if (verb === "v" && flags.sharp) return kind === "pointer" ? `(${name})(nil)` : `${name}(nil)`;
  if (kind === "map") return "map[]";
  if (kind === "slice") return "[]";
  if (verb !== "v" && own(bases, verb) !== undefined) return formatInteger(0n, verb, flags);
  return verb === "v" ? pad("<nil>", flags) : `%!${verb}(${name}=<nil>)`;
}

/** What says itself what it is does so wherever a text may stand. */
function saidOf(value: unknown, verb: string, flags: Flags): string | undefined {
  if (flags.complains || !(value instanceof GoValue) || !isTextVerb(verb) || (verb === "v" && flags.sharp))
    return undefined;
  const { say } = value.type.kind === "pointer" ? value.type.of : value.type;
  return say === undefined ? undefined : formatText(say(value.value), verb, flags);
}

/** One value by one verb. `depth`: 0 unless it is within another one. */
function formatValue(value: unknown, verb: string, flags: Flags, depth = 0): string {
  if (verb === "T") return pad(typeName(value), flags);
  if (isTypedNil(value)) return formatNil(value, verb, flags);
  if (verb === "p" && depth === 0 && ["slice", "map"].includes(kindOf(value)))
    return pad(address(flags), flags);
  const said = saidOf(value, verb, flags);
  if (said !== undefined) return said;
  if (value instanceof GoValue && value.type.kind === "struct") return formatStruct(value, verb, flags);
  if (value instanceof GoValue && value.type.kind === "pointer")
    return formatPointer(value, verb, flags, depth);
  return formatPlain(value, verb, flags) ?? complaint(value, verb, flags);
}

/** Undefined when the verb is none for this kind of value. */
function formatPlain(value: unknown, verb: string, flags: Flags): string | undefined {
  switch (kindOf(value)) {
    case "invalid":
      return verb === "v" ? pad("<nil>", flags) : undefined;
    case "bool":
      return verb === "t" || verb === "v" ? pad(String(value), flags) : undefined;
    case "int":
    case "uint":
      return formatWhole(value, verb, flags);
    case "float":
      return formatFloat(numberOf(value), verb, flags);
    case "string":
      return formatText(textIn(value), verb, flags);
    case "slice":
      return formatList(value, verb, flags);
    case "map":
      return formatMap(value, verb, flags);
    default:
      return undefined;
  }
}

/** What `print` makes of one value. */
export function goPrint(value: unknown): string {
  return formatValue(value, "v", noFlags);
}

/** What `{{.X}}` prints of a value that is there: what it points to, rather than that it points. */
export function goShow(value: unknown): string {
  return goPrint(pointedTo(value));
}

/** Blanks stand between two operands when neither is text. */
export function sprint(values: readonly unknown[]): string {
  return values.reduce<string>((line, value, index) => {
    const gap = index > 0 && kindOf(value) !== "string" && kindOf(values[index - 1]) !== "string" ? " " : "";
    return line + gap + goPrint(value);
  }, "");
}

export function sprintln(values: readonly unknown[]): string {
  return `${values.map(goPrint).join(" ")}\n`;
}

/** More than this is no width. */
const widest = 1_000_000;

class Formatting {
  readonly #format: string;
  readonly #values: readonly unknown[];
  #at = 0;
  #next = 0;
  #goodIndex = true;
  #reordered = false;

  constructor(format: string, values: readonly unknown[]) {
    this.#format = format;
    this.#values = values;
  }

  run(): string {
    let out = "";
    while (this.#at < this.#format.length) {
      const percent = this.#format.indexOf("%", this.#at);
      const end = percent < 0 ? this.#format.length : percent;
      out += this.#format.slice(this.#at, end);
      this.#at = end + 1;
      if (percent >= 0) out += this.#directive();
    }
    if (this.#reordered || this.#next >= this.#values.length) return out;
    const extra = this.#values
      .slice(this.#next)
      .map((value) =>
        value === undefined || value === null ? "<nil>" : `${typeName(value)}=${goPrint(value)}`,
      );
    return `${out}%!(EXTRA ${extra.join(", ")})`;
  }

  #matched(form: RegExp): string {
    form.lastIndex = this.#at;
    const found = form.exec(this.#format)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  /** `[3]`: the operand to use next. True when there was one. */
  #index(): boolean {
    if (this.#format[this.#at] !== "[") return false;
    this.#reordered = true;
    const close = this.#format.indexOf("]", this.#at);
    const number = close < 0 ? Number.NaN : Number(this.#format.slice(this.#at + 1, close));
    const isNumber = close >= 0 && /^\d+$/.test(this.#format.slice(this.#at + 1, close));
    this.#at = close < 0 ? this.#at + 1 : close + 1;
    if (!isNumber || number < 1 || number > this.#values.length) {
      this.#goodIndex = false;
      return isNumber;
    }
    this.#next = number - 1;
    return true;
  }

  /** A number given as an operand. */
  #star(): number | undefined {
    this.#at += 1;
    const value = this.#values[this.#next];
    const isInteger = this.#next < this.#values.length && kindOf(value) === "int";
    if (this.#next < this.#values.length) this.#next += 1;
    const number = isInteger ? numberOf(value) : Number.NaN;
    return Number.isNaN(number) || Math.abs(number) > widest ? undefined : number;
  }

  #directive(): string {
    this.#goodIndex = true;
    let complaints = "";
    const signs = this.#matched(/[-+# 0]*/y);
    let minus = signs.includes("-");
    let width: number | undefined;
    let precision: number | undefined;
    let afterIndex = this.#index();
    if (this.#format[this.#at] === "*") {
      width = this.#star();
      if (width === undefined) complaints += "%!(BADWIDTH)";
      else if (width < 0) {
        width = -width;
        minus = true;
      }
      afterIndex = false;
    } else {
      const digits = this.#matched(/\d+/y);
      if (digits !== "") {
        if (afterIndex) this.#goodIndex = false;
        width = Number(digits) > widest ? undefined : Number(digits);
      }
    }
    if (this.#format[this.#at] === ".") {
      this.#at += 1;
      if (afterIndex) this.#goodIndex = false;
      afterIndex = this.#index();
      if (this.#format[this.#at] === "*") {
        precision = this.#star();
        if (precision !== undefined && precision < 0) precision = undefined;
        if (precision === undefined) complaints += "%!(BADPREC)";
        afterIndex = false;
      } else precision = Number(this.#matched(/\d*/y));
    }
    if (!afterIndex) this.#index();
    const flags: Flags = {
      plus: signs.includes("+"),
      minus,
      sharp: signs.includes("#"),
      space: signs.includes(" "),
      zero: signs.includes("0"),
      complains: false,
      bare: false,
      named: false,
      width,
      precision,
    };
    return complaints + this.#verb(flags);
  }

  #verb(flags: Flags): string {
    const code = this.#format.codePointAt(this.#at);
    if (code === undefined) return "%!(NOVERB)";
    const verb = String.fromCodePoint(code);
    this.#at += verb.length;
    if (verb === "%") return "%";
    if (!this.#goodIndex) return `%!${verb}(BADINDEX)`;
    if (this.#next >= this.#values.length) return `%!${verb}(MISSING)`;
    const value = this.#values[this.#next];
    this.#next += 1;
    // Go's %w is for errors alone.
    if (verb === "v" && flags.plus) return formatValue(value, "v", { ...flags, plus: false, named: true });
    return formatValue(value, verb, flags);
  }
}

export function sprintf(format: string, values: readonly unknown[]): string {
  return new Formatting(format, values).run();
}
