import { describe, expect, test } from "bun:test";
import { goQuote } from "./go-values.ts";
import { formatList, formatValue } from "./list-format.ts";

const value = {
  Name: "/web",
  State: { Status: "running", Pid: 7, OOMKilled: false },
  Args: ["-c", "echo <hi>"],
  Labels: { b: "2", a: "1" },
  Ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "8080" }], "81/udp": null },
  Empty: [],
  Nothing: null,
};

// Expected texts were checked against docker 28.2's inspect with the same templates where it accepts them.
describe("templates", () => {
  test.each([
    ["{{.Name}}", "/web"],
    ["{{ .State.Status }}-{{.State.Pid}}", "running-7"],
    ["{{json .Args}}", '["-c","echo \\u003chi\\u003e"]'],
    ["{{.Args}} {{.Labels}} {{.Empty}} {{.Nothing}}", "[-c echo <hi>] map[a:1 b:2] [] <nil>"],
    ["{{range .Args}}[{{.}}]{{end}}", "[-c][echo <hi>]"],
    ["{{range $i, $a := .Args}}{{$i}}={{$a}};{{end}}", "0=-c;1=echo <hi>;"],
    ["{{range $k, $v := .Labels}}{{$k}}{{$v}} {{end}}", "a1 b2 "],
    ["{{range .Empty}}x{{else}}none{{end}}", "none"],
    ['{{if .State.OOMKilled}}oom{{else if eq .State.Status "running"}}up{{else}}down{{end}}', "up"],
    ["{{with .State}}{{.Pid}}{{end}}{{with .Nothing}}x{{else}}y{{end}}", "7y"],
    ["{{with $x := .State}}{{$x.Pid}} {{$.Name}}{{end}}", "7 /web"],
    ['{{index .Args 1}} {{index .Labels "a"}} {{index .Labels "zz"}}', "echo <hi> 1 "],
    ['{{(index (index .Ports "80/tcp") 0).HostPort}}', "8080"],
    ['{{join .Args "|"}} {{upper .Name}} {{lower "ABC"}} {{title "a bc"}}', "-c|echo <hi> /WEB abc A Bc"],
    ["{{len .Args}} {{len .Name}} {{len .Labels}}", "2 4 2"],
    ['{{.Name | upper | printf "%s!"}}', "/WEB!"],
    ["{{println .Name 1}}", "/web 1\n"],
    ['{{print "a" 1 2 "b"}}', "a1 2b"],
    ['{{printf "%-6s|%4d|%05.1f|%q|%v|%%" "ab" 42 3.14159 "x" true}}', 'ab    |  42|003.1|"x"|true|%'],
    ['{{and 1 0}} {{and 1 2}} {{or 0 ""}} {{or 0 3}} {{not true}}', "0 2  3 false"],
    [
      '{{eq 1 2 1}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt "b" "a"}} {{ge 1 2}}',
      "true true true true true false",
    ],
    ["{{/* nothing */}}a {{- /* trimmed */ -}} b", "ab"],
    ["a  {{- .Name -}}  b", "a/webb"],
    [
      '{{split "a,b" ","}} {{pad "x" 1 2}}| {{truncate "abcdef" 3}} {{slice "abcdef" 1 3}}',
      "[a b]  x  | abc bc",
    ],
    ['{{`raw {{ text`}} {{"}}"}}', "raw {{ text }}"],
    ["{{$x := 5}}{{$x}}{{$x = 6}}{{$x}}", "56"],
    ["{{range $i, $e := .Args}}{{if $i}}{{break}}{{end}}{{$e}}{{end}}", "-c"],
    ['{{range .Args}}{{if eq . "-c"}}{{continue}}{{end}}{{.}}{{end}}', "echo <hi>"],
    ["a\\tb", "a\tb"],
  ])("%s", (template, wanted) => expect(formatValue(value, template)).toBe(wanted));

  test.each([
    ["{{.Nope}}", 'template parsing error: executing "" at <.Nope>: map has no entry for key "Nope"'],
    [
      "{{.State.Nope}}",
      'template parsing error: executing "" at <.State.Nope>: map has no entry for key "Nope"',
    ],
    [
      "{{.Name.X}}",
      'template parsing error: executing "" at <.Name.X>: can\'t evaluate field X in type string',
    ],
    ["{{.Name", "template parsing error: template: :1: unclosed action"],
    ["{{if .Name}}x", "template parsing error: template: :1: unexpected EOF"],
    ["{{end}}", "template parsing error: template: :1: unexpected {{end}}"],
    ["{{}}", "template parsing error: template: :1: missing value for command"],
    ["{{nope .Name}}", 'template parsing error: function "nope" not defined'],
    ["{{(.Name}}", "template parsing error: template: :1: unclosed left paren"],
    ["{{index .Args 9}}", "template parsing error: error calling index: index out of range: 9"],
    ["{{toString}}", 'template parsing error: function "toString" not defined'],
    [
      "{{.constructor}}",
      'template parsing error: executing "" at <.constructor>: map has no entry for key "constructor"',
    ],
  ])("%s is refused", (template, message) => {
    expect(() => formatValue(value, template)).toThrow(new Error(message));
  });
});

const shape = { headings: { ID: "CONTAINER ID", Size: "SIZE" }, defaultTable: "{{.ID}}\t{{.Size}}" };
const rows = [
  { ID: "abc", Size: "1B", Label: (name: unknown) => `label ${name}` },
  { ID: "a much longer one", Size: "2B", Label: () => "" },
];

describe("lists", () => {
  test("the plain table", () => {
    expect(formatList(rows, shape, "")).toBe(
      "CONTAINER ID        SIZE\nabc                 1B\na much longer one   2B\n",
    );
    expect(formatList([], shape, "table")).toBe("CONTAINER ID   SIZE\n");
  });

  test("a table of chosen columns is headed by what it shows", () => {
    expect(formatList(rows.slice(0, 1), shape, 'table {{.Size}}\\t{{.Label "x"}}')).toBe(
      "SIZE      x\n1B        label x\n",
    );
  });

  test("a template is a line for each, json all plain columns", () => {
    expect(formatList(rows, shape, "{{.ID}}: {{json .Size}}")).toBe('abc: "1B"\na much longer one: "2B"\n');
    expect(formatList(rows.slice(0, 1), shape, "json")).toBe('{"ID":"abc","Size":"1B"}\n');
    expect(formatList(rows.slice(0, 1), shape, "{{json .}}")).toBe('{"ID":"abc","Size":"1B"}\n');
  });

  test("a column that does not exist and a broken template", () => {
    expect(() => formatList(rows, shape, "{{.Nope}}")).toThrow("failed to execute template");
    expect(() => formatList(rows, shape, "{{.ID")).toThrow(
      "failed to parse template: template: :1: unclosed action",
    );
  });
});

test("quoting as Go does", () => {
  expect(goQuote('a"b\\\n\u001b\u0001')).toBe('"a\\"b\\\\\\n\\x1b\\x01"');
});
