import { describe, expect, test } from "bun:test";
import { formatList } from "./list-format.ts";

const shape = {
  headings: { ID: "CONTAINER ID", Size: "SIZE" },
  columns: ["ID", "Size"],
  rowType: "*formatter.ContainerContext",
};
const rows = [
  { ID: "abc", Size: "1B", Label: (name: unknown) => `label ${name}` },
  { ID: "a much longer one", Size: "2B", Label: (_name: unknown) => "" },
];

// The expected texts are those of docker 28.2's ps, with other values.
describe("lists", () => {
  test("the plain table", async () => {
    expect(await formatList(rows, shape, "")).toBe(
      "CONTAINER ID        SIZE\nabc                 1B\na much longer one   2B\n",
    );
    expect(await formatList([], shape, "table")).toBe("CONTAINER ID   SIZE\n");
  });

  test("a table of chosen columns is headed by what it shows, whatever is done to the values", async () => {
    expect(await formatList(rows.slice(0, 1), shape, 'table {{.Size}}\\t{{.Label "x"}}')).toBe(
      "SIZE      x\n1B        label x\n",
    );
    const changed = 'table {{lower .ID}} {{join (split .Size "B") "-"}} {{json .ID}} {{printf "%3s" .Size}}|';
    expect(await formatList(rows.slice(0, 1), shape, changed)).toBe(
      'CONTAINER ID SIZE CONTAINER ID SIZE|\nabc 1- "abc"  1B|\n',
    );
  });

  test("a template is a line for each, json all plain columns", async () => {
    expect(await formatList(rows, shape, " {{.ID}}: {{json .Size}} ")).toBe(
      'abc: "1B"\na much longer one: "2B"\n',
    );
    expect(await formatList(rows.slice(0, 1), shape, "json")).toBe('{"ID":"abc","Size":"1B"}\n');
    expect(await formatList(rows.slice(0, 1), shape, "{{json .}}")).toBe('{"ID":"abc","Size":"1B"}\n');
    expect(await formatList(rows.slice(0, 1), shape, "a\\tb\\n")).toBe("a\tb\n\n");
  });

  test.each([
    [
      "{{.Nope}}",
      'failed to execute template: template: :1:2: executing "" at <.Nope>: can\'t evaluate field Nope in type *formatter.ContainerContext',
    ],
    [
      "{{.Label}}",
      'failed to execute template: template: :1:2: executing "" at <.Label>: wrong number of args for Label: want 1 got 0',
    ],
    ["{{.ID", "failed to parse template: template: :1: unclosed action"],
    ['{{printf "%q" .Names}}{{/* x', "failed to parse template: template: :1: unclosed comment"],
  ])("%s is refused", async (format, message) => {
    expect(await formatList(rows, shape, format).catch((thrown: unknown) => thrown)).toEqual(
      new Error(message),
    );
  });
});
