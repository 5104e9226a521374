/** Numbers as Go writes them in templates. Pure. */
import { float as floatType } from "./go-type.ts";
import { goUnquote } from "./quote.ts";
import { GoValue } from "./value.ts";

export interface NumberLiteral {
  /** What it is where nothing says which type is wanted; undefined when that would be an int and it is too large. */
  readonly ideal: unknown;
  /** Where an integer is wanted; undefined when it is none. */
  readonly integer: bigint | undefined;
}

const hexFloat = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?\d+)$/;
const decimalFloat = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const integer = /^([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|\d+)$/;

function parseFloatLiteral(text: string): number | undefined {
  const found = hexFloat.exec(text);
  if (found !== null) {
    const [, sign, whole = "", fraction = "", exponent = ""] = found;
    if (whole + fraction === "") return undefined;
    const mantissa = Number.parseInt(whole + fraction, 16) * 16 ** -fraction.length;
    return (sign === "-" ? -1 : 1) * mantissa * 2 ** Number(exponent);
  }
  return decimalFloat.test(text) ? Number(text) : undefined;
}

function parseIntegerLiteral(text: string): bigint | undefined {
  const [, sign, digits = ""] = integer.exec(text) ?? [];
  if (digits === "") return undefined;
  if (/^0[0-9]/.test(digits)) {
    if (!/^[0-7]+$/.test(digits)) return undefined;
    return BigInt(`0o${digits}`) * (sign === "-" ? -1n : 1n);
  }
  return BigInt(digits.toLowerCase()) * (sign === "-" ? -1n : 1n);
}

/** Underscores stand between digits, or behind the prefix of the base. */
function withoutUnderscores(text: string): string {
  return /__|_$|[^0-9a-fA-FxXoObB]_|_[^0-9a-fA-F]|^[+-]?[1-9]\d*_*[xXoO]/.test(text)
    ? ""
    : text.replaceAll("_", "");
}

function simple(value: bigint): number | bigint {
  return BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** Undefined when `text` is no number; a text when it is one that cannot be had. */
export function parseNumber(text: string): NumberLiteral | string | undefined {
  if (text.startsWith("'")) {
    const characters = [...(goUnquote(text) ?? "")];
    if (characters.length === 0) return "invalid syntax";
    if (characters.length > 1) return `malformed character constant: ${text}`;
    const code = characters[0]?.codePointAt(0) ?? 0;
    return { ideal: code, integer: BigInt(code) };
  }
  if (text.endsWith("i")) return `complex constants are not supported: ${text}`;
  const plain = withoutUnderscores(text);
  const whole = parseIntegerLiteral(plain);
  if (whole !== undefined) {
    const fits = whole >= -(2n ** 63n) && whole < 2n ** 63n;
    if (!fits && (whole < 0n || whole >= 2n ** 64n)) return `integer overflow: ${JSON.stringify(text)}`;
    if (!fits) return { ideal: undefined, integer: undefined };
    return { ideal: simple(whole), integer: whole };
  }
  const float = parseFloatLiteral(plain);
  if (float === undefined || !Number.isFinite(float)) return undefined;
  if (!/[.eEpP]/.test(text)) return `integer overflow: ${JSON.stringify(text)}`;
  return {
    ideal: new GoValue(floatType, float),
    integer: Number.isInteger(float) ? BigInt(float) : undefined,
  };
}
