/** The lines of a Dockerfile as instructions: comments gone, continued lines joined, the name and its flags taken off. Pure. */
import type { Escape } from "./expand.ts";

export interface Instruction {
  /** In lower case. */
  readonly name: string;
  /** The name as it was written. */
  readonly written: string;
  /** Without the two dashes, as written: `interval=5s`. */
  readonly flags: readonly string[];
  /** All that follows, without white space around it. */
  readonly rest: string;
}

const continuation = /([^\\])\\[ \t]*$|^\\[ \t]*$/;

/** Throws `Error` in Docker's words. */
export function parseInstructions(text: string): Instruction[] {
  const instructions: Instruction[] = [];
  let joined: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*#/.test(line) || (joined !== undefined && line.trim() === "")) continue;
    const whole: string = joined === undefined ? line.trimStart() : joined + line;
    const open = continuation.exec(whole);
    joined = open === null ? undefined : whole.slice(0, open.index) + (open[1] ?? "");
    if (open === null && whole.trim() !== "") instructions.push(parseInstruction(whole));
  }
  if (joined !== undefined && joined.trim() !== "") instructions.push(parseInstruction(joined));
  if (instructions.length === 0) throw new Error("file with no instructions");
  return instructions;
}

/** One instruction, as `ONBUILD` has one in it too. */
export function parseInstruction(line: string, escapeSign: Escape = "\\"): Instruction {
  const [, name = "", after = ""] = /^(\S*)\s*([\s\S]*)$/.exec(line.trim()) ?? [];
  const { flags, rest } = splitFlags(after, escapeSign);
  return { name: name.toLowerCase(), written: name, flags, rest };
}

/** Words with two dashes at the beginning; two dashes alone end them. */
function splitFlags(text: string, escapeSign: Escape): { readonly flags: string[]; readonly rest: string } {
  const flags: string[] = [];
  let rest = text;
  while (rest.startsWith("--")) {
    const { word, length } = firstWord(rest, escapeSign);
    rest = rest.slice(length).trimStart();
    if (word === "--") break;
    flags.push(word.slice(2));
  }
  return { flags, rest: rest.trim() };
}

/** The word that a text begins with, without its quotes; a quote or a backslash keeps white space in it. */
function firstWord(text: string, escapeSign: Escape): { readonly word: string; readonly length: number } {
  let word = "";
  let quote = "";
  let at = 0;
  for (; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (quote === "" && /\s/.test(character)) break;
    if (character === quote) quote = "";
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === escapeSign && quote !== "'" && at + 1 < text.length) {
      at += 1;
      word += text.charAt(at);
    } else word += character;
  }
  return { word, length: at };
}

/** The words of a text as they stand, quotes and all; a quote or a backslash keeps white space in a word. */
export function quotedWords(text: string, escapeSign: Escape = "\\"): string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (quote === "" && /\s/.test(character)) {
      if (word !== "") words.push(word);
      word = "";
      continue;
    }
    word += character;
    if (character === quote) quote = "";
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === escapeSign && quote !== "'" && at + 1 < text.length) {
      at += 1;
      word += text.charAt(at);
    }
  }
  if (word !== "") words.push(word);
  return words;
}
