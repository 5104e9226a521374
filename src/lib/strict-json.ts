/**
 * JSON that somebody has written by hand: a fault is told with its place and with what stands there, and a key that is there twice is
 * one, because the first of the two is a setting that somebody believes in. Pure.
 */
import { parseExactJson } from "./exact-json.ts";
import { FileFault } from "./file-fault.ts";

const limitDepth = 200;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const quoted = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const word = /true|false|null/y;
const shownLetters = 20;

/** Throws `FileFault`. */
export function parseStrictJson(text: string): unknown {
  new Scanner(text).document();
  return parseExactJson(text);
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value(0);
    this.#blanks();
    if (this.#at < this.#text.length) throw this.#unexpected("the end of the document");
  }

  #value(depth: number): void {
    this.#blanks();
    if (depth > limitDepth) throw this.#fault(`more than ${limitDepth} levels of lists and objects`);
    const first = this.#text[this.#at];
    if (first === "{") this.#object(depth);
    else if (first === "[") this.#list(depth);
    else if (!this.#take(quoted) && !this.#take(number) && !this.#take(word))
      throw this.#unexpected("a value");
  }

  #object(depth: number): void {
    const places = new Map<string, number>();
    this.#members("}", "a key in double quotes", () => {
      const start = this.#at;
      const raw = this.#take(quoted);
      if (raw === undefined) throw this.#unexpected("a key in double quotes");
      const key = String(JSON.parse(raw));
      const before = places.get(key);
      if (before !== undefined) {
        this.#at = start;
        throw this.#fault(`key ${raw} is there twice, the first in line ${this.#lineAt(before)}`);
      }
      places.set(key, start);
      this.#blanks();
      if (this.#text[this.#at] !== ":") throw this.#unexpected(`":" after the key ${raw}`);
      this.#at += 1;
      this.#value(depth + 1);
    });
  }

  #list(depth: number): void {
    this.#members("]", "a value", () => this.#value(depth + 1));
  }

  /** What stands between the brackets, the first of which is next. */
  #members(end: string, wanted: string, member: () => void): void {
    this.#at += 1;
    this.#blanks();
    if (this.#text[this.#at] === end) {
      this.#at += 1;
      return;
    }
    for (;;) {
      this.#blanks();
      if (this.#text[this.#at] === end) throw this.#unexpected(`${wanted} after the comma`);
      member();
      this.#blanks();
      const next = this.#text[this.#at];
      if (next !== "," && next !== end) throw this.#unexpected(`"," or ${JSON.stringify(end)}`);
      this.#at += 1;
      if (next === end) return;
    }
  }

  #blanks(): void {
    while (" \t\r\n".includes(this.#text[this.#at] ?? "-")) this.#at += 1;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #lineAt(offset: number): number {
    return this.#text.slice(0, offset).split("\n").length;
  }

  #unexpected(wanted: string): FileFault {
    const rest = this.#text.slice(this.#at);
    if (rest === "") return this.#fault(`found its end, wanted ${wanted}`);
    if (/^(?:\/[/*]|#)/.test(rest)) return this.#fault("found a comment, which JSON does not have");
    const shown = /^(?:[\w.+-]+|"[^"\n]*"?|.)/su.exec(rest)?.[0].slice(0, shownLetters) ?? "";
    return this.#fault(`found ${shown.startsWith('"') ? shown : JSON.stringify(shown)}, wanted ${wanted}`);
  }

  #fault(text: string): FileFault {
    const line = this.#lineAt(this.#at);
    const column = this.#at - this.#text.lastIndexOf("\n", this.#at - 1);
    return new FileFault(`line ${line}, column ${column}: ${text}`);
  }
}
