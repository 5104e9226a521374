/** What an observation found: sections of named values or of rows, shown as text for people or as JSON for programs. Pure. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A named value. `text` is the value with its unit, as people read it. */
export interface Field {
  readonly key: string;
  readonly value: Json;
  readonly text: string;
  readonly meaning: string;
}

export interface Column {
  readonly key: string;
  readonly heading: string;
}

/** A cell is its JSON value; `shown` where people read it in another way. */
export interface ShownCell {
  readonly value: Json;
  readonly shown: string;
}
export type Cell = null | boolean | number | string | ShownCell;

export interface FieldSection {
  readonly kind: "fields";
  readonly key: string;
  readonly title: string;
  readonly fields: readonly Field[];
}

export interface TableSection {
  readonly kind: "table";
  readonly key: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface TextSection {
  readonly kind: "text";
  readonly key: string;
  readonly title: string;
  readonly lines: readonly string[];
}

export type Section = FieldSection | TableSection | TextSection;

export interface Report {
  readonly sections: readonly Section[];
  /** Sentences for people alone, after everything else. */
  readonly notes?: readonly string[];
}

export function fields(title: string, list: readonly Field[], key = "fields"): FieldSection {
  return { kind: "fields", key, title, fields: list };
}

export function table(
  title: string,
  columns: Readonly<Record<string, string>>,
  rows: readonly (readonly Cell[])[],
  key = "rows",
): TableSection {
  const described = Object.entries(columns).map(([name, heading]) => ({ key: name, heading }));
  return { kind: "table", key, title, columns: described, rows };
}

/** JSON of a report: of its one section, or an object of all. */
export function reportJson({ sections }: Report): Json {
  const [first] = sections;
  if (first !== undefined && sections.length === 1) return sectionJson(first);
  return Object.fromEntries(sections.map((section) => [section.key, sectionJson(section)]));
}

function sectionJson(section: Section): Json {
  switch (section.kind) {
    case "fields":
      return Object.fromEntries(
        section.fields.map(({ key, value, text, meaning }) => [key, { value, text, meaning }]),
      );
    case "table":
      return section.rows.map((row) =>
        Object.fromEntries(section.columns.map(({ key }, index) => [key, jsonOf(row[index] ?? null)])),
      );
    case "text":
      return section.lines;
  }
}

function isShown(cell: Cell): cell is ShownCell {
  return typeof cell === "object" && cell !== null;
}

function jsonOf(cell: Cell): Json {
  return isShown(cell) ? cell.value : cell;
}

function textOf(cell: Cell): string {
  if (isShown(cell)) return cell.shown;
  if (cell === null) return "-";
  return typeof cell === "boolean" ? (cell ? "yes" : "no") : String(cell);
}

/** Ranges of UTF-16 units that steer a terminal or turn the direction of text, or stand for bytes that are no text. */
const controls: readonly (readonly [number, number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0x2028, 0x2029],
  [0x202a, 0x202e],
  [0x2066, 0x2069],
  [0xdc80, 0xdcff],
];
const plainText = /^[ -~]*$/;

/** Names, arguments and environments belong to whoever runs the process: what would steer a terminal is written out. */
export function harmless(text: string): string {
  if (plainText.test(text)) return text;
  return Array.from(text, (character) => {
    const code = character.charCodeAt(0);
    // Half of a pair that has its other half is a letter.
    const isControl =
      character.length === 1 && controls.some(([first, last]) => code >= first && code <= last);
    if (!isControl) return character;
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    return code >= 0xdc80 ? `\\x${(code - 0xdc00).toString(16)}` : `\\u${code.toString(16).padStart(4, "0")}`;
  }).join("");
}

function aligned(rows: readonly (readonly string[])[], indent: string): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.slice(0, -1).entries()) {
      widths[index] = Math.max(widths[index] ?? 0, Math.min(cell.length, widestCell));
    }
  }
  return rows.map((row) =>
    `${indent}${row.map((cell, index) => cell.padEnd(index === row.length - 1 ? 0 : (widths[index] ?? 0))).join("   ")}`.trimEnd(),
  );
}

/** One long path must not push all other rows off the screen. */
const widestCell = 60;

function sectionLines(section: Section): string[] {
  const heading = section.title === "" ? [] : [section.title];
  const indent = heading.length === 0 ? "" : "  ";
  switch (section.kind) {
    case "fields": {
      const rows = section.fields.map(({ key, text, meaning }) => [key, harmless(text), meaning]);
      return [...heading, ...aligned(rows, indent)];
    }
    case "table": {
      if (section.rows.length === 0) return [...heading, `${indent}none`];
      const names = section.columns.map((column) => column.heading);
      const rows = section.rows.map((row) => row.map((cell) => harmless(textOf(cell))));
      return [...heading, ...aligned([names, ...rows], indent)];
    }
    case "text":
      return [...heading, ...section.lines.map((line) => `${indent}${harmless(line)}`)];
  }
}

export function reportText({ sections, notes = [] }: Report): string {
  const blocks = sections.map((section) => sectionLines(section).join("\n"));
  if (notes.length > 0) blocks.push(notes.map(harmless).join("\n"));
  return `${blocks.join("\n\n")}\n`;
}
