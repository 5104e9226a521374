/** Cuts a template into tokens: those of Go's text/template, with the same positions. Pure. */
import { goQuote, isPrintable } from "./quote.ts";

export type TokenKind =
  | "error"
  | "end of file"
  | "text"
  | "left"
  | "right"
  | "space"
  | "field"
  | "dot"
  | "variable"
  | "identifier"
  | "keyword"
  | "bool"
  | "number"
  | "string"
  | "("
  | ")"
  | "|"
  | ":="
  | "="
  | "character";

export interface Token {
  readonly kind: TokenKind;
  /** As it stands in the template; of an error, what is wrong. */
  readonly text: string;
  /** In UTF-16 units from the beginning. */
  readonly at: number;
  readonly line: number;
}

const keywords = new Set([
  "block",
  "break",
  "continue",
  "define",
  "else",
  "end",
  "if",
  "nil",
  "range",
  "template",
  "with",
]);

const spaces = " \t\r\n";
const wordForm = /[\p{L}\p{Nd}_]*/uy;
const stringForm = /"(?:[^"\\\n]|\\[^\n])*"/y;
const characterForm = /'(?:[^'\\\n]|\\[^\n])*'/y;
const rawStringForm = /`[^`]*`/y;
const numberForm =
  /[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?/y;
const wordCharacter = /[\p{L}\p{Nd}_]/u;

/** How Go shows a character that it does not want: `U+0021 '!'`. */
function showCharacter(character: string): string {
  if (character === "") return "U+FFFFFFFFFFFFFFFF";
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return isPrintable(character) ? `U+${code} '${character}'` : `U+${code}`;
}

class LexerError extends Error {
  readonly at: number;

  constructor(text: string, at: number) {
    super(text);
    this.at = at;
  }
}

class Lexer {
  readonly tokens: Token[] = [];
  readonly #source: string;
  #at = 0;
  #line = 1;
  #countedTo = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  run(): void {
    try {
      while (this.#at < this.#source.length) this.#textAndAction();
      this.#push("end of file", "EOF", this.#at);
    } catch (thrown) {
      if (!(thrown instanceof LexerError)) throw thrown;
      this.#push("error", thrown.message, thrown.at);
    }
  }

  #push(kind: TokenKind, text: string, at: number): void {
    for (; this.#countedTo < at; this.#countedTo += 1)
      if (this.#source[this.#countedTo] === "\n") this.#line += 1;
    this.tokens.push({ kind, text, at, line: this.#line });
  }

  #isSpace(at: number): boolean {
    return at < this.#source.length && spaces.includes(this.#source.charAt(at));
  }

  #skipSpaces(): void {
    while (this.#isSpace(this.#at)) this.#at += 1;
  }

  #matched(form: RegExp): string {
    form.lastIndex = this.#at;
    return form.exec(this.#source)?.[0] ?? "";
  }

  #character(at = this.#at): string {
    const code = this.#source.codePointAt(at);
    return code === undefined ? "" : String.fromCodePoint(code);
  }

  /** Whether an action ends here, and how long its end is. */
  #rightDelimiter(): { readonly length: number; readonly trims: boolean } | undefined {
    const source = this.#source;
    if (this.#isSpace(this.#at) && source.startsWith("-}}", this.#at + 1)) return { length: 4, trims: true };
    return source.startsWith("}}", this.#at) ? { length: 2, trims: false } : undefined;
  }

  #textAndAction(): void {
    const open = this.#source.indexOf("{{", this.#at);
    const end = open < 0 ? this.#source.length : open;
    const trims = open >= 0 && this.#source[open + 2] === "-" && this.#isSpace(open + 3);
    let textEnd = end;
    while (trims && textEnd > this.#at && this.#isSpace(textEnd - 1)) textEnd -= 1;
    if (textEnd > this.#at) this.#push("text", this.#source.slice(this.#at, textEnd), this.#at);
    this.#at = end;
    if (open < 0) return;
    const bodyAt = open + (trims ? 4 : 2);
    if (this.#source.startsWith("/*", bodyAt)) {
      this.#comment(bodyAt);
      return;
    }
    this.#push("left", "{{", open);
    this.#at = bodyAt;
    this.#depth = 0;
    while (this.#actionToken());
  }

  #comment(at: number): void {
    const end = this.#source.indexOf("*/", at + 2);
    if (end < 0) throw new LexerError("unclosed comment", at);
    this.#at = end + 2;
    const delimiter = this.#rightDelimiter();
    if (delimiter === undefined) throw new LexerError("comment ends before closing delimiter", at);
    this.#at += delimiter.length;
    if (delimiter.trims) this.#skipSpaces();
  }

  /** False after the action's end. */
  #actionToken(): boolean {
    const start = this.#at;
    const delimiter = this.#rightDelimiter();
    if (delimiter !== undefined) {
      if (this.#depth > 0) throw new LexerError("unclosed left paren", start);
      this.#push("right", "}}", start + delimiter.length - 2);
      this.#at += delimiter.length;
      if (delimiter.trims) this.#skipSpaces();
      return false;
    }
    const first = this.#character();
    if (first === "") throw new LexerError("unclosed action", start);
    if (this.#isSpace(start)) {
      this.#spaces(start);
      return true;
    }
    const [kind, text] = this.#token(first, start);
    this.#at = start + text.length;
    this.#push(kind, text, start);
    return true;
  }

  /** The last space may belong to the action's end. */
  #spaces(start: number): void {
    this.#skipSpaces();
    if (this.#source.startsWith("-}}", this.#at)) this.#at -= 1;
    if (this.#at > start) this.#push("space", this.#source.slice(start, this.#at), start);
  }

  #token(first: string, start: number): readonly [TokenKind, string] {
    if (first === "=" || first === "|") return [first, first];
    if (first === ":") {
      if (this.#source[start + 1] !== "=") throw new LexerError("expected :=", start);
      return [":=", ":="];
    }
    if (first === '"') return ["string", this.#quoted(stringForm, "unterminated quoted string")];
    if (first === "`") return ["string", this.#quoted(rawStringForm, "unterminated raw quoted string")];
    if (first === "'") return ["number", this.#quoted(characterForm, "unterminated character constant")];
    if (first === "$") return ["variable", this.#named("$")];
    if (first === "." && !/[0-9]/.test(this.#source[start + 1] ?? "")) {
      const text = this.#named(".");
      return [text === "." ? "dot" : "field", text];
    }
    if (/[.+\-0-9]/.test(first)) return ["number", this.#number(start)];
    if (wordCharacter.test(first)) {
      const word = this.#named("");
      if (keywords.has(word)) return ["keyword", word];
      return [word === "true" || word === "false" ? "bool" : "identifier", word];
    }
    return this.#sign(first, start);
  }

  #sign(first: string, start: number): readonly [TokenKind, string] {
    if (first === "(" || first === ")") {
      this.#depth += first === "(" ? 1 : -1;
      if (this.#depth < 0) throw new LexerError("unexpected right paren", start);
      return [first, first];
    }
    if (/^[ -~]$/.test(first)) return ["character", first];
    throw new LexerError(`unrecognized character in action: ${showCharacter(first)}`, start);
  }

  #quoted(form: RegExp, otherwise: string): string {
    const text = this.#matched(form);
    if (text === "") throw new LexerError(otherwise, this.#at);
    return text;
  }

  /** A name behind `prefix`, which must end where names may end. */
  #named(prefix: string): string {
    const start = this.#at;
    this.#at += prefix.length;
    const word = this.#matched(wordForm);
    const end = start + prefix.length + word.length;
    const next = this.#character(end);
    const ends = next === "" || `${spaces}.,|:)(`.includes(next) || this.#source.startsWith("}}", end);
    if (!ends) throw new LexerError(`bad character ${showCharacter(next)}`, start);
    return prefix + word;
  }

  #number(start: number): string {
    let text = this.#matched(numberForm);
    const sign = this.#character(start + text.length);
    const isSum = text !== "" && (sign === "+" || sign === "-");
    if (isSum) {
      this.#at = start + text.length;
      text += this.#matched(numberForm);
    }
    const next = this.#character(start + text.length);
    const runsOn = next !== "" && wordCharacter.test(next);
    if (text === "" || runsOn || (isSum && !text.endsWith("i")))
      throw new LexerError(`bad number syntax: ${goQuote(text + (runsOn ? next : ""))}`, start);
    return text;
  }
}

/** All tokens; the last one is the end of the file or an error. */
export function lexTemplate(source: string): readonly Token[] {
  const lexer = new Lexer(source);
  lexer.run();
  return lexer.tokens;
}
