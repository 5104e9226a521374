/** Lays out help: the option table with its wrapped descriptions, and lists of commands. Pure. */
import type { Flag, FlagTable } from "./flag.ts";

/** Width when standard output is no terminal. */
export const defaultHelpWidth = 80;
/** Descriptions never get narrower than this, even on a narrow terminal. */
const leastDescriptionWidth = 24;
const gap = 3;

/** Breaks `text` at spaces (and at its own newlines) into lines of at most `width` characters where words allow. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}

function label(name: string, flag: Flag<unknown>): string {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  return `  ${short}--${name}${flag.word === "" ? "" : ` ${flag.word}`}`;
}

/** The lines below `Options:`, sorted by name. */
export function renderFlags(table: FlagTable, width: number): string {
  const names = Object.keys(table)
    .filter((name) => table[name]?.hidden === false)
    .sort();
  const rows = names.flatMap((name) => {
    const flag = table[name];
    if (flag === undefined) return [];
    const suffix = flag.shownDefault === undefined ? "" : ` (default ${flag.shownDefault})`;
    return [{ label: label(name, flag), help: flag.help + suffix }];
  });
  const column = Math.max(0, ...rows.map((row) => row.label.length)) + gap;
  const room = Math.max(leastDescriptionWidth, width - column);
  return rows
    .flatMap((row) =>
      wrapText(row.help, room).map((line, index) => (index === 0 ? row.label : "").padEnd(column) + line),
    )
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

/** The lines below `Commands:`. */
export function renderCommands(rows: readonly { readonly name: string; readonly summary: string }[]): string {
  const column = Math.max(0, ...rows.map((row) => row.name.length)) + 2;
  return rows.map((row) => `  ${row.name.padEnd(column)}${row.summary}\n`).join("");
}
