/**
 * `--format` of lists: `table`, `table TEMPLATE`, `json` or a template, over rows of named columns. A column's value may be a
 * function, which templates call with their arguments. Pure.
 */
import { alignColumns } from "./column-table.ts";
import { goJson, isRecord } from "./go-values.ts";
import { TemplateError } from "./template-lexer.ts";
import { parseTemplate } from "./template-parser.ts";
import { runTemplate } from "./template-run.ts";

export type Row = Readonly<Record<string, unknown>>;

export interface ListShape {
  /** The template of the plain table, cells separated by tabs. */
  readonly defaultTable: string;
  /** The heading of each column; a column without one uses its name. */
  readonly headings: Readonly<Record<string, string>>;
}

/** Headings for whatever a template asks: `.Label "x"` is headed by `x`. */
function headingRow(shape: ListShape, rows: readonly Row[]): Row {
  const names = new Set([...Object.keys(shape.headings), ...Object.keys(rows[0] ?? {})]);
  return Object.fromEntries(
    [...names].map((name) => {
      const heading = shape.headings[name] ?? name.toUpperCase();
      const value = rows[0]?.[name];
      return [
        name,
        typeof value === "function" || name === "Label" ? (label: unknown) => String(label) : heading,
      ];
    }),
  );
}

/** Columns without those that need an argument, as `--format json` shows them. */
function plainColumns(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row)
      .filter(([, value]) => typeof value !== "function")
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** In a template `{{json .}}` must see values only, and `.Label` must stay callable. */
function withJsonView(row: Row): Row {
  const view = { ...row };
  Object.defineProperty(view, "toJSON", { value: () => plainColumns(row), enumerable: false });
  return view;
}

function parse(source: string): ReturnType<typeof parseTemplate> {
  try {
    return parseTemplate(source.replaceAll("\\t", "\t").replaceAll("\\n", "\n"));
  } catch (thrown) {
    if (thrown instanceof TemplateError) throw new Error(`failed to parse template: ${thrown.message}`);
    throw thrown;
  }
}

function run(nodes: ReturnType<typeof parseTemplate>, row: Row): string {
  try {
    return runTemplate(nodes, row, { missingKey: "error" });
  } catch (thrown) {
    if (thrown instanceof TemplateError)
      throw new Error(`failed to execute template: template: :1: ${thrown.message}`);
    throw thrown;
  }
}

/** All rows as text. `format` empty means the plain table. */
export function formatList(rows: readonly Row[], shape: ListShape, format: string): string {
  if (format === "json") return rows.map((row) => `${goJson(plainColumns(row))}\n`).join("");
  const isTable = format === "" || format === "table" || /^table\s/.test(format);
  if (!isTable) {
    const nodes = parse(format);
    return rows.map((row) => `${run(nodes, withJsonView(row))}\n`).join("");
  }
  const source = format.replace(/^table/, "").trim();
  const nodes = parse(source === "" ? shape.defaultTable : source);
  const lines = [headingRow(shape, rows), ...rows].map((row) => run(nodes, isRecord(row) ? row : {}));
  return alignColumns(lines);
}

/** One value through a template, for `inspect`, `version` and `info`. `missingKey` as in `runTemplate`. */
export function formatValue(value: unknown, format: string): string {
  if (format === "json") return goJson(value);
  try {
    return runTemplate(parseTemplate(format.replaceAll("\\t", "\t").replaceAll("\\n", "\n")), value, {
      missingKey: "error",
    });
  } catch (thrown) {
    if (thrown instanceof TemplateError) throw new Error(`template parsing error: ${thrown.message}`);
    throw thrown;
  }
}
