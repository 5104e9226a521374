/** Commands that a page shows, with what it says that they print. */
import { expect } from "bun:test";

export interface Shown {
  readonly command: string;
  /** Lines as they are shown; `...` stands for any others. */
  readonly output: readonly string[];
}

/** The commands of all console blocks of `page`, with what is shown below each. */
export function shownCommands(page: string): Shown[] {
  const shown: Shown[] = [];
  for (const [, block = ""] of page.matchAll(/```console\n(.*?)```/gs)) {
    for (const [, command = "", output = ""] of block.matchAll(/^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)/gm)) {
      shown.push({ command, output: output.split("\n").slice(0, -1) });
    }
  }
  return shown;
}

/** What differs from one time, and from one machine, to the next. */
export function settled(line: string): string {
  return line
    .replace(/\b[0-9a-f]{64}\b/g, "ID")
    .replace(/\b[0-9a-f]{12}\b/g, "ID")
    .replace(/(?:\d+|About an?|Less than a) (?:second|minute)s?(?: ago)?/g, "TIME")
    .replace(/^ *\d+ {2}(?=\w+ {2})/, "N  ")
    .replace(/\d+ operations/g, "N operations")
    .replace(/\boperation \d+/g, "operation N")
    .replace(/[\d.]+ (?:ms|µs)/g, "TIME")
    .replace(/#\d+/g, "#N")
    .replace(/ {2,}/g, "  ");
}

/** The shown lines are printed, in this order; without `...` nothing else is. */
export function expectShown({ output }: Shown, printed: string): void {
  const lines = printed.split("\n").slice(0, -1).map(settled);
  const wanted = output.filter((line) => line !== "...").map(settled);
  if (!output.includes("...")) {
    expect(lines).toEqual(wanted);
    return;
  }
  let from = 0;
  for (const line of wanted) {
    const at = lines.indexOf(line, from);
    expect({
      line,
      printed: at >= 0 ? line : lines.slice(from).filter((one) => one.startsWith(line.slice(0, 30))),
    }).toEqual({ line, printed: line });
    from = at + 1;
  }
}
