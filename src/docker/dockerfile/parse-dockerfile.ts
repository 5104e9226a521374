/**
 * A Dockerfile as its instructions, with the lines that each stands on: directives at the top, comments, continued lines and
 * here-documents. What an instruction says is decoded by `decode-instruction.ts`. Pure.
 */
import { messageOf } from "../../lib/errors.ts";
import type { Escape } from "./expand.ts";
import { type Instruction, parseInstruction, quotedWords } from "./lines.ts";

export interface HereDocument {
  readonly name: string;
  /** Variables in it are replaced: its name was written without quotes. */
  readonly expand: boolean;
  /** Tabs before its lines are taken off (`<<-`). */
  readonly chomp: boolean;
  /** As written, with the line ends. */
  readonly content: string;
}

export interface PlacedInstruction extends Instruction {
  /** Counted from 1. */
  readonly firstLine: number;
  /** That of the last here-document's end too. */
  readonly lastLine: number;
  readonly hereDocuments: readonly HereDocument[];
  /** Of the here-documents with their ends, as a shell is to read them; empty without. */
  readonly tail: string;
}

export interface Dockerfile {
  /** What `# syntax=` says. */
  readonly syntax: string | undefined;
  readonly escape: Escape;
  /** What `# check=` says. */
  readonly check: string | undefined;
  readonly instructions: readonly PlacedInstruction[];
  readonly lines: readonly string[];
}

/** A fault of a Dockerfile, and where it is. */
export class DockerfileError extends Error {
  readonly firstLine: number;
  readonly lastLine: number;

  constructor(
    message: string,
    place: { readonly firstLine: number; readonly lastLine: number },
    cause?: unknown,
  ) {
    super(message, { cause });
    this.firstLine = place.firstLine;
    this.lastLine = place.lastLine;
  }
}

const directivePattern = /^#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$/;
const directiveNames = new Set(["syntax", "escape", "check"]);
const withHereDocuments = new Set(["add", "copy", "run"]);

/** Throws `DockerfileError` in Docker's words. */
export function parseDockerfile(text: string): Dockerfile {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const directives = parseDirectives(lines);
  const escapeSign = escapeOf(directives);
  const instructions = new Lines(lines, escapeSign).instructions();
  if (instructions.length === 0) {
    throw new DockerfileError("file with no instructions", { firstLine: 1, lastLine: 1 });
  }
  return {
    syntax: directives.get("syntax")?.value,
    check: directives.get("check")?.value,
    escape: escapeSign,
    instructions,
    lines,
  };
}

interface Directive {
  readonly value: string;
  readonly line: number;
}

/** Those at the top: the first line that is none ends them. */
function parseDirectives(lines: readonly string[]): Map<string, Directive> {
  const found = new Map<string, Directive>();
  for (const [index, line] of lines.entries()) {
    const [, written = "", value = ""] = directivePattern.exec(line.trim()) ?? [];
    const name = written.toLowerCase();
    if (!directiveNames.has(name)) break;
    const place = { firstLine: index + 1, lastLine: index + 1 };
    if (found.has(name)) throw new DockerfileError(`only one ${name} parser directive can be used`, place);
    found.set(name, { value, line: index + 1 });
  }
  return found;
}

function escapeOf(directives: ReadonlyMap<string, Directive>): Escape {
  const directive = directives.get("escape");
  if (directive === undefined) return "\\";
  const { value, line } = directive;
  if (value === "\\" || value === "`") return value;
  throw new DockerfileError(`invalid escape token '${value}' does not match \` or \\`, {
    firstLine: line,
    lastLine: line,
  });
}

const continuations: Readonly<Record<Escape, RegExp>> = {
  "\\": /([^\\])\\[ \t]*$|^\\[ \t]*$/,
  "`": /([^`])`[ \t]*$|^`[ \t]*$/,
};

class Lines {
  readonly #lines: readonly string[];
  readonly #escape: Escape;
  #at = 0;

  constructor(lines: readonly string[], escapeSign: Escape) {
    this.#lines = lines;
    this.#escape = escapeSign;
  }

  instructions(): PlacedInstruction[] {
    const instructions: PlacedInstruction[] = [];
    for (let next = this.#instruction(); next !== undefined; next = this.#instruction()) {
      instructions.push(next);
    }
    return instructions;
  }

  #instruction(): PlacedInstruction | undefined {
    let joined: string | undefined;
    let firstLine = 0;
    for (; this.#at < this.#lines.length; this.#at += 1) {
      const line = this.#lines[this.#at] ?? "";
      if (/^\s*#/.test(line) || line.trim() === "") continue;
      const whole: string = joined === undefined ? line.trimStart() : joined + line;
      if (joined === undefined) firstLine = this.#at + 1;
      const open = continuations[this.#escape].exec(whole);
      if (open === null) {
        this.#at += 1;
        return this.#finished(whole, firstLine);
      }
      joined = whole.slice(0, open.index) + (open[1] ?? "");
    }
    // A continuation that nothing follows.
    return joined === undefined || joined.trim() === "" ? undefined : this.#finished(joined, firstLine);
  }

  #finished(text: string, firstLine: number): PlacedInstruction {
    const instruction = parseInstruction(text, this.#escape);
    const inner = instruction.name === "onbuild" ? parseInstruction(instruction.rest) : instruction;
    const before = this.#at;
    const hereDocuments = withHereDocuments.has(inner.name)
      ? hereDocumentsOf(inner.rest).map((wanted) => this.#hereDocument(wanted, firstLine))
      : [];
    return {
      ...instruction,
      firstLine,
      lastLine: this.#at,
      hereDocuments,
      tail: this.#lines
        .slice(before, this.#at)
        .map((line) => `${line}\n`)
        .join(""),
    };
  }

  #hereDocument(wanted: Omit<HereDocument, "content">, firstLine: number): HereDocument {
    let content = "";
    while (this.#at < this.#lines.length) {
      const line = this.#lines[this.#at] ?? "";
      this.#at += 1;
      if ((wanted.chomp ? line.replace(/^\t+/, "") : line) === wanted.name) return { ...wanted, content };
      content += `${line}\n`;
    }
    throw new DockerfileError("unterminated heredoc", { firstLine, lastLine: this.#lines.length });
  }
}

function hereDocumentsOf(rest: string): Omit<HereDocument, "content">[] {
  return quotedWords(rest).flatMap((word) => {
    const here = parseHereDocument(word);
    return here === undefined ? [] : [here];
  });
}

/** What a word like `<<EOF` announces; undefined for any other. */
export function parseHereDocument(word: string): Omit<HereDocument, "content"> | undefined {
  const [, dash = "", written = ""] = /^\d*<<(-?)([^<]+)$/.exec(word) ?? [];
  const name = written.replace(/["']/g, "");
  if (name === "") return undefined;
  return { name, expand: name === written, chomp: dash === "-" };
}

/** The content, without the tabs that are to be taken off. */
export function hereDocumentText({ chomp, content }: HereDocument): string {
  return chomp ? content.replace(/^\t+/gm, "") : content;
}

const linesAround = 2;

/** The lines of a fault with some around them, the faulty ones marked. */
export function linesAroundFault(
  lines: readonly string[],
  { firstLine, lastLine }: { readonly firstLine: number; readonly lastLine: number },
): string {
  const from = Math.max(1, firstLine - linesAround);
  const to = Math.min(lines.length, lastLine + linesAround);
  const width = String(to).length;
  return lines
    .slice(from - 1, to)
    .map((line, index) => {
      const number = from + index;
      const mark = number >= firstLine && number <= lastLine ? ">>>" : "   ";
      return `${mark} ${String(number).padStart(width)} | ${line}`.trimEnd();
    })
    .join("\n");
}

/** A fault at an instruction, from whatever was thrown there. */
export function faultAt(thrown: unknown, instruction: PlacedInstruction): DockerfileError {
  if (thrown instanceof DockerfileError) return thrown;
  return new DockerfileError(messageOf(thrown), instruction, thrown);
}
