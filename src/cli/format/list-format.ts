/**
 * `--format` of lists: `table`, `table TEMPLATE`, `json` or a template, over rows of named columns. A column's value may be a
 * function, which templates call with their arguments. Templates are loaded only when there is one.
 */

import { goJson } from "../../lib/go-json.ts";
import { own } from "../../lib/own.ts";
import type { FunctionTable } from "../template/mod.ts";
import { alignColumns } from "./column-table.ts";

export type Row = Readonly<Record<string, unknown>>;

export interface ListShape {
  /** The columns of the plain table. */
  readonly columns: readonly string[];
  /** The heading of each column; a column without one uses its name. */
  readonly headings: Readonly<Record<string, string>>;
  /** Docker's Go type of a row, which it names when a template asks for a column that does not exist. */
  readonly rowType: string;
  /** What stands before an error of the template, where it is not Docker's usual word. */
  readonly failurePrefix?: string;
}

function headingOf(shape: ListShape, name: string): string {
  return own(shape.headings, name) ?? name.toUpperCase();
}

/** Headings for whatever a template asks: `.Label "x"` is headed by `x`. */
function headingRow(shape: ListShape, rows: readonly Row[]): Row {
  const names = new Set([...Object.keys(shape.headings), ...Object.keys(rows[0] ?? {})]);
  return Object.fromEntries(
    [...names].map((name) => {
      const isAsked = typeof rows[0]?.[name] === "function" || name === "Label";
      return [name, isAsked ? (label: unknown) => String(label) : headingOf(shape, name)];
    }),
  );
}

/** Columns without those that need an argument, as `--format json` shows them. */
export function plainColumns(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row)
      .filter(([, value]) => typeof value !== "function")
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** In a template `{{json .}}` must see values only, and `.Label` must stay callable. */
function withJsonView(row: Row): Row {
  const view = Object.defineProperties({}, Object.getOwnPropertyDescriptors(row));
  Object.defineProperty(view, "toJSON", { value: () => plainColumns(row), enumerable: false });
  return view;
}

function plainTable(rows: readonly Row[], shape: ListShape): string {
  const headings = shape.columns.map((name) => headingOf(shape, name)).join("\t");
  const lines = rows.map((row) => shape.columns.map((name) => String(row[name] ?? "")).join("\t"));
  return alignColumns([headings, ...lines]);
}

/** All rows through a template; `headed` makes them a table. */
async function fromTemplate(
  rows: readonly Row[],
  shape: ListShape,
  source: string,
  headed: boolean,
): Promise<string> {
  const { headingFunctions, Template, TemplateError } = await import("../template/mod.ts");
  const attempt = <T>(what: string, act: () => T): T => {
    try {
      return act();
    } catch (thrown) {
      if (thrown instanceof TemplateError) {
        const prefix = shape.failurePrefix ?? `failed to ${what} template: `;
        throw new Error(prefix + thrown.message);
      }
      throw thrown;
    }
  };
  const template = attempt("parse", () => new Template(source));
  const show = (row: Row, instead: FunctionTable = {}): string =>
    attempt("execute", () => template.run(withJsonView(row), { rootType: shape.rowType, instead }));
  if (!headed) return rows.map((row) => `${show(row)}\n`).join("");
  const headings = show(headingRow(shape, rows), headingFunctions);
  return alignColumns([headings, ...rows.map((row) => show(row))]);
}

/** All rows as text. `format` empty means the plain table. */
export async function formatList(rows: readonly Row[], shape: ListShape, format: string): Promise<string> {
  if (format === "json") return rows.map((row) => `${goJson(plainColumns(row))}\n`).join("");
  const headed = format.startsWith("table");
  // Docker understands these two as no template of Go's does.
  const source = (headed ? format.slice("table".length) : format)
    .replace(/^ +| +$/g, "")
    .replaceAll("\\t", "\t")
    .replaceAll("\\n", "\n");
  if (source === "") return plainTable(rows, shape);
  return fromTemplate(rows, shape, source, headed);
}
