/**
 * Words of a Dockerfile as it means them: quotes and backslashes taken off, variables replaced, `${name:-word}` and its kin. What no
 * environment has is empty. Pure.
 */

import { messageOf } from "../../lib/errors.ts";

export type Lookup = (name: string) => string | undefined;

/** What takes the meaning of the next character: a backslash, or what the directive `escape` says. */
export type Escape = "\\" | "`";

/** The text as one word. Throws `Error` in Docker's words. */
export function expandWord(text: string, lookup: Lookup, escapeSign: Escape = "\\"): string {
  return expanded(text, lookup, escapeSign).text;
}

/** The words that the text falls into at white space that no quote keeps, that of variables too. */
export function expandWords(text: string, lookup: Lookup, escapeSign: Escape = "\\"): string[] {
  return expanded(text, lookup, escapeSign).words;
}

/** Variables alone: quotes and backslashes are part of the text, as in a here-document. */
export function expandVariables(text: string, lookup: Lookup, escapeSign: Escape = "\\"): string {
  const expansion = new Expansion([...text], { lookup, escape: escapeSign, quotes: "literal" });
  expansion.run(undefined);
  return expansion.text;
}

function expanded(text: string, lookup: Lookup, escapeSign: Escape): Expansion {
  const expansion = new Expansion([...text], { lookup, escape: escapeSign, quotes: "taken off" });
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
/** A pattern is tried at every place of a value. */
const replacementSteps = 100_000_000;

const nameStart = /[\p{L}_]/u;
const nameRest = /[\p{L}\p{Nd}_]/u;
const specialNames = "@*#?-$!0";

interface Reading {
  readonly lookup: Lookup;
  readonly escape: Escape;
  /** `pattern`: what is escaped stays so, for the pattern to see. */
  readonly quotes: "taken off" | "literal" | "pattern";
}

class Expansion {
  readonly #characters: readonly string[];
  readonly #reading: Reading;
  readonly #depth: number;
  readonly #words: string[] = [];
  #word = "";
  #inWord = false;
  #at: number;
  text = "";

  constructor(characters: readonly string[], reading: Reading, at = 0, depth = 0) {
    if (depth > depthLimit) throw new Error(`more than ${depthLimit} substitutions one in another`);
    this.#depth = depth;
    this.#characters = characters;
    this.#reading = reading;
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
      if (this.#reading.quotes === "literal" && character !== "$" && character !== this.#reading.escape) {
        this.#addSplit(character);
      } else if (character === "'") this.#addRaw(this.#untilQuote());
      else if (character === '"') this.#addRaw(this.#doubleQuoted());
      else if (character === "$") this.#addSplit(this.#dollar());
      else if (character === this.#reading.escape) {
        const literal = this.#next();
        if (literal !== undefined) this.#addRaw(this.#escaped(character, literal));
      } else this.#addSplit(character);
    }
  }

  #escaped(sign: string, literal: string): string {
    const { quotes } = this.#reading;
    if (quotes === "pattern" || (quotes === "literal" && literal !== "$" && literal !== sign))
      return sign + literal;
    return literal;
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
      else if (character === this.#reading.escape && ['"', "$", character].includes(this.#peek ?? ""))
        text += this.#next() ?? "";
      else text += character;
    }
    return text;
  }

  /** What stands for the variable that follows the dollar sign. */
  #dollar(): string {
    if (this.#peek !== "{") {
      const name = this.#name();
      return name === "" ? "$" : (this.#reading.lookup(name) ?? "");
    }
    this.#at += 1;
    const first = this.#peek;
    if (first === undefined) throw new Error("syntax error: missing '}'");
    if (first === "{" || first === "}" || first === ":") throw new Error("syntax error: bad substitution");
    const name = this.#name();
    const operator = this.#next();
    if (operator === undefined) throw new Error("syntax error: missing '}'");
    const value = this.#reading.lookup(name);
    if (operator === "}") return value ?? "";
    if (operator === "#" || operator === "%") return this.#trimmed(operator, value ?? "");
    if (operator === "/") return this.#replaced(value ?? "");
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

  /** Without what the pattern matches at one end, as little of it as can be, or with the sign twice as much. */
  #trimmed(end: "#" | "%", value: string): string {
    const longest = this.#peek === end;
    if (longest) this.#at += 1;
    const pattern = parseGlob(this.#substitute("}", "pattern"), this.#reading.escape);
    const characters = [...value];
    const [inOrder, subject] =
      end === "#" ? [pattern, characters] : [pattern.toReversed(), characters.toReversed()];
    const ends = globEnds(inOrder, subject, 0);
    const length = (longest ? ends.at(-1) : ends[0]) ?? 0;
    return (end === "#" ? characters.slice(length) : characters.slice(0, characters.length - length)).join(
      "",
    );
  }

  /** With the first match of the pattern, or with a second slash every one, replaced. */
  #replaced(value: string): string {
    const every = this.#peek === "/";
    if (every) this.#at += 1;
    const pattern = parseGlob(this.#substitute("/", "pattern"), this.#reading.escape);
    const replacement = this.#substitute("}");
    const characters = [...value];
    if (characters.length ** 2 * pattern.length > replacementSteps) {
      throw new Error(`a value of ${characters.length} characters is too long for a replacement`);
    }
    let text = "";
    for (let at = 0; at < characters.length; ) {
      const end = globEnds(pattern, characters, at).at(-1) ?? at;
      if (end === at) {
        text += characters[at] ?? "";
        at += 1;
        continue;
      }
      text += replacement;
      at = end;
      if (!every) return text + characters.slice(at).join("");
    }
    return text;
  }

  /** What stands before `stop`, itself expanded. */
  #substitute(stop = "}", quotes: Reading["quotes"] = "taken off"): string {
    const reading = { ...this.#reading, quotes };
    const inner = new Expansion(this.#characters, reading, this.#at, this.#depth + 1);
    inner.run(stop);
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

type GlobPart = { readonly kind: "character"; readonly is: string } | { readonly kind: "one" | "many" };

/** `*` and `?`; what is escaped stands for itself. */
function parseGlob(text: string, escapeSign: Escape): GlobPart[] {
  const parts: GlobPart[] = [];
  const characters = [...text];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? "";
    if (character === "*") parts.push({ kind: "many" });
    else if (character === "?") parts.push({ kind: "one" });
    else if (character === escapeSign && at + 1 < characters.length) {
      at += 1;
      parts.push({ kind: "character", is: characters[at] ?? "" });
    } else parts.push({ kind: "character", is: character });
  }
  return parts;
}

/** Where a match that begins at `start` may end, in ascending order. One pass per part, whatever the pattern. */
function globEnds(pattern: readonly GlobPart[], characters: readonly string[], start: number): number[] {
  let places = new Set([start]);
  for (const part of pattern) {
    if (part.kind === "many") {
      const first = Math.min(...places);
      places = new Set(Array.from({ length: characters.length - first + 1 }, (_, index) => first + index));
    } else {
      const next = [...places].filter((at) =>
        part.kind === "character" ? characters[at] === part.is : at < characters.length,
      );
      places = new Set(next.map((at) => at + 1));
    }
    if (places.size === 0) return [];
  }
  return [...places].sort((a, b) => a - b);
}
