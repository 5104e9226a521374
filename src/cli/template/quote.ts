/** Text between Go's quotes, and out of them. Pure. */
import { own } from "../../lib/own.ts";

const shortEscapes: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
};

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Whether Go counts the character as printable. */
export function isPrintable(character: string): boolean {
  return printable.test(character);
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}

function escaped(character: string, quote: string, asciiOnly: boolean): string {
  if (character === quote) return `\\${quote}`;
  const short = own(shortEscapes, character);
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  if (isPrintable(character) && (!asciiOnly || code < 0x80)) return character;
  if (code < 0x20 || code === 0x7f) return `\\x${hex(code, 2)}`;
  return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
}

/** A string in Go's double quotes. */
export function goQuote(text: string, asciiOnly = false): string {
  return `"${[...text].map((character) => escaped(character, '"', asciiOnly)).join("")}"`;
}

/** A character in Go's single quotes. */
export function goQuoteCharacter(code: number, asciiOnly = false): string {
  const isCharacter = code >= 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return `'${escaped(String.fromCodePoint(isCharacter ? code : 0xfffd), "'", asciiOnly)}'`;
}

/** Whether Go could write the text between backquotes. */
export function fitsBackquotes(text: string): boolean {
  return [...text].every((character) => {
    const code = character.codePointAt(0) ?? 0;
    return character === "\t" || (code >= 0x20 && code !== 0x7f && code !== 0xfeff && character !== "`");
  });
}

const escapeForms = /\\(?:([abfnrtv\\'"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))/y;
const escapeBytes: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** What a literal with its quotes means; undefined when it is none. Bytes that are no UTF-8 become U+FFFD. */
export function goUnquote(literal: string): string | undefined {
  const quote = literal[0];
  const inner = literal.slice(1, -1);
  if (quote === "`") return inner.replaceAll("\r", "");
  const bytes: number[] = [];
  let at = 0;
  while (at < inner.length) {
    if (inner[at] !== "\\") {
      const character = String.fromCodePoint(inner.codePointAt(at) ?? 0);
      bytes.push(...Buffer.from(character));
      at += character.length;
      continue;
    }
    escapeForms.lastIndex = at;
    const found = escapeForms.exec(inner);
    if (found === null) return undefined;
    const [whole, short, byte, small, large, octal] = found;
    at += whole.length;
    if (short !== undefined) {
      if ((short === "'" || short === '"') && short !== quote) return undefined;
      bytes.push(own(escapeBytes, short) ?? short.charCodeAt(0));
    } else if (byte !== undefined) bytes.push(Number.parseInt(byte, 16));
    else if (octal !== undefined) {
      if (Number.parseInt(octal, 8) > 255) return undefined;
      bytes.push(Number.parseInt(octal, 8));
    } else {
      const code = Number.parseInt(small ?? large ?? "", 16);
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
      bytes.push(...Buffer.from(String.fromCodePoint(code)));
    }
  }
  return Buffer.from(bytes).toString("utf8");
}
