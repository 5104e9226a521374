/**
 * The patterns of a `.dockerignore`: which paths of a context they leave out. A later pattern overrules an earlier one, and one
 * with `!` before it brings back; what matches a directory means all that is in it. Pure.
 */

import { expressionWithRuns, type TextTest } from "../regular-expression.ts";

export interface IgnorePatterns {
  /** Whether the path (relative, with `/`) is left out: by itself, or with a directory above it. */
  excludes(path: string): boolean;
  /** Whether something below the directory may be brought back, so that it must be looked into. */
  mayBringBack(directory: string): boolean;
}

interface Pattern {
  readonly exclusion: boolean;
  readonly text: string;
  readonly matches: TextTest;
}

/** Throws `Error` for a pattern that is none. */
export function parseIgnore(text: string): IgnorePatterns {
  const patterns = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    // A comment begins at the very beginning of its line.
    .filter((line) => !line.startsWith("#"))
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map(parsePattern)
    .filter((pattern) => pattern !== undefined);
  return {
    excludes: (path) => excluded(patterns, path),
    mayBringBack: (directory) =>
      patterns.some(({ exclusion, text }) => exclusion && mayBeBelow(text, directory)),
  };
}

/** By the words before the first wildcard; behind that, anything may match. */
function mayBeBelow(pattern: string, directory: string): boolean {
  const literal = /^[^*?[\\]*/.exec(pattern)?.[0] ?? "";
  if (literal.length < pattern.length)
    return `${directory}/`.startsWith(literal) || literal.startsWith(`${directory}/`);
  return pattern.startsWith(`${directory}/`);
}

function parsePattern(line: string): Pattern | undefined {
  const exclusion = line.startsWith("!");
  const written = (exclusion ? line.slice(1) : line).trim();
  if (written === "") {
    if (exclusion) throw new Error('illegal exclusion pattern: "!"');
    return undefined;
  }
  const text = cleanPattern(written);
  return { exclusion, text, matches: testOf(text) };
}

/** Without `.`, `..`, doubled and trailing slashes, and relative: a pattern of a root is one of the context. */
function cleanPattern(written: string): string {
  const parts: string[] = [];
  const rooted = written.startsWith("/");
  for (const part of written.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (!rooted) parts.push("..");
  }
  return parts.length === 0 ? "." : parts.join("/");
}

/** Each part of the path's way down asks every pattern; a match of a directory holds for what is in it. */
function excluded(patterns: readonly Pattern[], path: string): boolean {
  const parts = path.split("/");
  const ways = parts.map((_, index) => parts.slice(0, index + 1).join("/"));
  let out = false;
  for (const { exclusion, matches } of patterns) {
    // What would change nothing need not be asked.
    if (exclusion !== out) continue;
    if (ways.some((way) => matches(way))) out = !exclusion;
  }
  return out;
}

function testOf(pattern: string): TextTest {
  let source = "^";
  let runs = 0;
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern.charAt(at);
    if (character === "*") {
      runs += 1;
      if (pattern.charAt(at + 1) !== "*") {
        source += "[^/]*";
        continue;
      }
      at += 1;
      // `**/` is any number of directories, none among them.
      if (pattern.charAt(at + 1) === "/") at += 1;
      const atEnd = at + 1 >= pattern.length;
      source += atEnd ? ".*" : "(?:.*/)?";
    } else if (character === "?") source += "[^/]";
    else if (character === "\\") {
      at += 1;
      if (at >= pattern.length) throw new Error(`syntax error in pattern: ${JSON.stringify(pattern)}`);
      source += literal(pattern.charAt(at));
    } else if (character === "[") {
      const close = pattern.indexOf("]", at + 2);
      if (close === -1) throw new Error(`syntax error in pattern: ${JSON.stringify(pattern)}`);
      source += pattern.slice(at, close + 1);
      at = close;
    } else source += literal(character);
  }
  try {
    return expressionWithRuns(`${source}$`, runs);
  } catch (cause) {
    throw new Error(`syntax error in pattern: ${JSON.stringify(pattern)}`, { cause });
  }
}

function literal(character: string): string {
  return character.replace(/[.+(){}|^$/*?[\]\\]/g, "\\$&");
}
