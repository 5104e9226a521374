/**
 * Words of a Dockerfile as it means them: quotes and backslashes taken off, variables replaced, `${name:-word}` and its kin. What no
 * environment has is empty. Pure.
 */

import { messageOf } from "../../lib/errors.ts";

export type Lookup = (name: string) => string | undefined;

/** The text as one word. Throws `Error` in Docker's words. */
export function expandWord(text: string, lookup: Lookup): string {
  return expanded(text, lookup).text;
}

/** The words that the text falls into at white space that no quote keeps, that of variables too. */
export function expandWords(text: string, lookup: Lookup): string[] {
  return expanded(text, lookup).words;
}

function expanded(text: string, lookup: Lookup): Expansion {
  const expansion = new Expansion([...text], lookup);
  try {
    expansion.run(undefined);
  } catch (thrown) {
    const shown = text.length <= shownCharacters ? text : `${text.slice(0, shownCharacters)}...`;
    throw new Error(`failed to process ${JSON.stringify(shown)}: ${messageOf(thrown)}`);
  }
  return expansion;
}

const depthLimit = 100;
const shownCharacters = 200;

const nameStart = /[\p{L}_]/u;
const nameRest = /[\p{L}\p{Nd}_]/u;
const specialNames = "@*#?-$!0";

class Expansion {
  readonly #characters: readonly string[];
  readonly #lookup: Lookup;
  readonly #depth: number;
  readonly #words: string[] = [];
  #word = "";
  #inWord = false;
  #at: number;
  text = "";

  constructor(characters: readonly string[], lookup: Lookup, at = 0, depth = 0) {
    if (depth > depthLimit) throw new Error(`more than ${depthLimit} substitutions one in another`);
    this.#depth = depth;
    this.#characters = characters;
    this.#lookup = lookup;
    this.#at = at;
  }

  get words(): string[] {
    return this.#inWord ? [...this.#words, this.#word] : [...this.#words];
  }

  /** Up to the end, or behind `stop`. */
  run(stop: string | undefined): void {
    for (;;) {
      const character = this.#next();
      if (character === undefined) {
        if (stop !== undefined) throw new Error(`syntax error: missing '${stop}'`);
        return;
      }
      if (character === stop) return;
      if (character === "'") this.#addRaw(this.#untilQuote());
      else if (character === '"') this.#addRaw(this.#doubleQuoted());
      else if (character === "$") this.#addSplit(this.#dollar());
      else if (character === "\\") {
        const literal = this.#next();
        if (literal !== undefined) this.#addRaw(literal);
      } else this.#addSplit(character);
    }
  }

  #next(): string | undefined {
    const character = this.#characters[this.#at];
    if (character !== undefined) this.#at += 1;
    return character;
  }

  get #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #addRaw(text: string): void {
    this.text += text;
    this.#word += text;
    this.#inWord = true;
  }

  #addSplit(text: string): void {
    this.text += text;
    for (const character of text) {
      if (!/\s/.test(character)) {
        this.#word += character;
        this.#inWord = true;
      } else if (this.#inWord) {
        this.#words.push(this.#word);
        this.#word = "";
        this.#inWord = false;
      }
    }
  }

  #untilQuote(): string {
    let text = "";
    for (let character = this.#next(); character !== "'"; character = this.#next()) {
      if (character === undefined) {
        throw new Error("unexpected end of statement while looking for matching single-quote");
      }
      text += character;
    }
    return text;
  }

  #doubleQuoted(): string {
    let text = "";
    for (let character = this.#next(); character !== '"'; character = this.#next()) {
      if (character === undefined) {
        throw new Error("unexpected end of statement while looking for matching double-quote");
      }
      if (character === "$") text += this.#dollar();
      else if (character === "\\" && ['"', "$", "\\"].includes(this.#peek ?? "")) text += this.#next() ?? "";
      else text += character;
    }
    return text;
  }

  /** What stands for the variable that follows the dollar sign. */
  #dollar(): string {
    if (this.#peek !== "{") {
      const name = this.#name();
      return name === "" ? "$" : (this.#lookup(name) ?? "");
    }
    this.#at += 1;
    const first = this.#peek;
    if (first === undefined) throw new Error("syntax error: missing '}'");
    if (first === "{" || first === "}" || first === ":") throw new Error("syntax error: bad substitution");
    const name = this.#name();
    const operator = this.#next();
    if (operator === undefined) throw new Error("syntax error: missing '}'");
    const value = this.#lookup(name);
    if (operator === "}") return value ?? "";
    const colon = operator === ":";
    const modifier = colon ? this.#next() : operator;
    const word = this.#substitute();
    // With a colon an empty value counts as none.
    const isThere = colon ? value !== undefined && value !== "" : value !== undefined;
    if (modifier === "+") return isThere ? word : "";
    if (modifier === "-") return isThere ? (value ?? "") : word;
    if (modifier === "?") {
      if (isThere) return value ?? "";
      throw new Error(`${name}: ${word || `is not allowed to be ${colon ? "empty" : "unset"}`}`);
    }
    throw new Error(`unsupported modifier (${modifier ?? ""}) in substitution`);
  }

  /** What stands before the closing brace, itself expanded. */
  #substitute(): string {
    const inner = new Expansion(this.#characters, this.#lookup, this.#at, this.#depth + 1);
    inner.run("}");
    this.#at = inner.#at;
    return inner.text;
  }

  #name(): string {
    const first = this.#peek ?? "";
    if (/\d/.test(first)) return this.#while(/\d/);
    if (first !== "" && specialNames.includes(first)) return this.#next() ?? "";
    return nameStart.test(first) ? this.#while(nameRest) : "";
  }

  #while(pattern: RegExp): string {
    let text = "";
    for (
      let character = this.#peek;
      character !== undefined && pattern.test(character);
      character = this.#peek
    ) {
      text += character;
      this.#at += 1;
    }
    return text;
  }
}
