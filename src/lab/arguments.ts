/** The words behind `tiffin lab`: options, which may stand anywhere, and the words of a command, read one by one. */
import { misuse } from "./lab-error.ts";
import { options } from "./outline.ts";

export interface LabArguments {
  readonly words: readonly string[];
  readonly values: ReadonlyMap<string, string>;
}

/** Options end where a program's own begin: behind `netns exec NS`. */
function programStart(words: readonly string[]): boolean {
  return words.length === 3 && words[0] === "netns" && words[1] === "exec";
}

export function parseArguments(input: readonly string[]): LabArguments {
  const words: string[] = [];
  const values = new Map<string, string>();
  for (let at = 0; at < input.length; at += 1) {
    const word = input[at] ?? "";
    if (programStart(words)) {
      words.push(...input.slice(word === "--" ? at + 1 : at));
      break;
    }
    if (!word.startsWith("-")) {
      words.push(word);
      continue;
    }
    const [, name = "", value] = /^--?([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const option = options.find((one) => one.name === name || (name === "h" && one.name === "help"));
    if (option === undefined) {
      const known = options.map((one) => `--${one.name}`).join(", ");
      throw misuse(`unknown option ${JSON.stringify(word)}; there are ${known}`);
    }
    if (option.value === undefined) {
      if (value !== undefined) throw misuse(`--${name} takes no value, found ${JSON.stringify(value)}`);
      values.set(option.name, "");
      continue;
    }
    if (value === undefined) at += 1;
    const given = value ?? input[at];
    if (given === undefined || given === "") throw misuse(`--${name} needs a value: ${option.value}`);
    values.set(option.name, given);
  }
  return { words, values };
}

/** Reads the words of one command in order, and says what it wanted when they run out. */
export class WordReader {
  readonly #words: readonly string[];
  readonly #usage: string;
  #at = 0;

  constructor(words: readonly string[], usage: string) {
    this.#words = words;
    this.#usage = usage;
  }

  get more(): boolean {
    return this.#at < this.#words.length;
  }

  /** The next word, which must be there; `what` names it. */
  next(what: string): string {
    const word = this.optional();
    if (word === undefined || word === "") throw misuse(`${what} is missing: ${this.#usage}`);
    return word;
  }

  optional(): string | undefined {
    const word = this.#words[this.#at];
    if (word !== undefined) this.#at += 1;
    return word;
  }

  /** A word that has only one form. */
  expect(word: string): void {
    const found = this.optional();
    if (found === word) return;
    const what = found === undefined ? "nothing" : JSON.stringify(found);
    throw misuse(`found ${what}, wanted ${JSON.stringify(word)}: ${this.#usage}`);
  }

  /** The word is none of those that may stand here. */
  unexpected(word: string): Error {
    return misuse(`unexpected word ${JSON.stringify(word)}: ${this.#usage}`);
  }

  end(): void {
    const word = this.optional();
    if (word !== undefined) throw this.unexpected(word);
  }

  rest(): readonly string[] {
    const words = this.#words.slice(this.#at);
    this.#at = this.#words.length;
    return words;
  }

  number(what: string, least: number, most: number): number {
    const word = this.next(what);
    const value = /^\d{1,10}$/.test(word) ? Number(word) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw misuse(`${what} is ${JSON.stringify(word)}, wanted a whole number from ${least} to ${most}`);
    }
    return value;
  }
}
