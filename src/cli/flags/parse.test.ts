import { describe, expect, test } from "bun:test";
import { parseGoDuration } from "../../docker/go-duration.ts";
import { parseByteSize } from "./byte-size.ts";
import { filter } from "./filter-flag.ts";
import { integer, list, text, toggle } from "./flag.ts";
import { renderFlags, wrapText } from "./help-page.ts";
import { parseFlags } from "./parse.ts";
import { UsageError } from "./usage-error.ts";

const table = {
  detach: toggle("d", "Run in the background"),
  env: list("e", "Set environment variables"),
  filter,
  hostname: text("h", "Host name"),
  interactive: toggle("i", "Keep input open"),
  name: text("", "Name"),
  proxy: toggle("", "Pass signals on", true),
  pull: text("", "When to pull", "missing"),
  secret: text("", "Not shown", "", { hidden: true }),
  tty: toggle("t", "Terminal"),
  weight: integer("w", "Weight of something with a description that does not fit on one line of the page"),
};

function parse(...args: string[]) {
  return parseFlags(table, args, { interspersed: false });
}

describe("grammar", () => {
  test.each<[string[], object, string[]]>([
    [["-it", "image", "-x"], { interactive: true, tty: true }, ["image", "-x"]],
    [["-ite", "A=1", "image"], { interactive: true, tty: true, env: ["A=1"] }, ["image"]],
    [["-eA=1", "-e=B=2", "-e", "C"], { env: ["A=1", "B=2", "C"] }, []],
    [["--env=A=1", "--env", "B"], { env: ["A=1", "B"] }, []],
    [["--proxy=false", "--detach=1"], { proxy: false, detach: true }, []],
    [["-d=false", "x"], { detach: false }, ["x"]],
    [["-h", "name", "image"], { hostname: "name" }, ["image"]],
    [["--", "-d"], { detach: false }, ["-d"]],
    [["-", "-d"], { detach: false }, ["-", "-d"]],
    [["-w-5"], { weight: -5 }, []],
    [["--name", ""], { name: "" }, []],
    [["--name="], { name: "" }, []],
    [["--filter", "A = b", "-f", "a=c"], { filter: { a: ["b", "c"] } }, []],
  ])("%j", (args, wanted, positionals) => {
    const parsed = parse(...args);
    expect(parsed.values).toMatchObject(wanted);
    expect(parsed.positionals).toEqual(positionals);
  });

  test("interspersed options are found after arguments too", () => {
    const parsed = parseFlags(table, ["a", "-d", "b", "--", "-i"], { interspersed: true });
    expect(parsed.positionals).toEqual(["a", "b", "-i"]);
    expect(parsed.values.detach).toBe(true);
    expect([...parsed.given]).toEqual(["detach"]);
  });

  test("help stops the parsing, also by a short -h that is no option of the command", () => {
    expect(parse("--help", "--nonsense").help).toBe(true);
    expect(parseFlags({ name: text("", "") }, ["-h"], { interspersed: true }).help).toBe(true);
  });

  test.each([
    [["--nope"], "unknown flag: --nope"],
    [["--nope=1"], "unknown flag: --nope"],
    [["--toString"], "unknown flag: --toString"],
    [["-iz"], "unknown shorthand flag: 'z' in -iz"],
    [["--name"], "flag needs an argument: --name"],
    [["-ie"], "flag needs an argument: 'e' in -ie"],
    [["--=x"], "bad flag syntax: --=x"],
    [["---x"], "bad flag syntax: ---x"],
    [
      ["--detach=maybe"],
      'invalid argument "maybe" for "-d, --detach" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    [
      ["-w", "x"],
      'invalid argument "x" for "-w, --weight" flag: strconv.ParseInt: parsing "x": invalid syntax',
    ],
    [["-f", "x"], 'invalid argument "x" for "-f, --filter" flag: bad format of filter (expected name=value)'],
  ])("%j is refused", (args, message) => {
    expect(() => parse(...args)).toThrow(new UsageError(message));
  });
});

describe("values", () => {
  test.each([
    ["0", 0],
    ["1024", 1024],
    ["1k", 1024],
    ["1.5g", 1610612736],
    ["10 kb", 10240],
    ["2MiB", 2097152],
    ["512B", 512],
    [".5m", 524288],
  ])("size %s", (written, bytes) => expect(parseByteSize(written)).toBe(bytes));

  test.each([
    ["", "invalid size: ''"],
    ["abc", "invalid size: 'abc'"],
    ["-1", "invalid size: '-1'"],
    ["1x", "invalid suffix: 'x'"],
    ["1kbb", "invalid suffix: 'kbb'"],
    ["1.2.3", "invalid size: '1.2.3'"],
    ["99999999p", "invalid size: '99999999p'"],
  ])("size %p is refused", (written, message) => expect(() => parseByteSize(written)).toThrow(message));

  test.each([
    ["1h30m", 5400e9],
    ["1.5s", 1.5e9],
    ["300ms", 300e6],
    ["-2m", -120e9],
    ["0", 0],
    ["1us2ns", 1002],
  ])("duration %s", (written, nanoseconds) => expect(parseGoDuration(written)).toBe(nanoseconds));

  test.each([
    ["", 'time: invalid duration ""'],
    ["5", 'time: missing unit in duration "5"'],
    ["5x", 'time: unknown unit "x" in duration "5x"'],
    ["x", 'time: invalid duration "x"'],
  ])("duration %p is refused", (written, message) => expect(() => parseGoDuration(written)).toThrow(message));
});

test("the option page aligns, wraps and leaves hidden options out", () => {
  expect(renderFlags(table, 60)).toBe(`  -d, --detach            Run in the background
  -e, --env list          Set environment variables
  -f, --filter filter     Show only what matches the
                          conditions (name=value)
  -h, --hostname string   Host name
  -i, --interactive       Keep input open
      --name string       Name
      --proxy             Pass signals on (default true)
      --pull string       When to pull (default "missing")
  -t, --tty               Terminal
  -w, --weight int        Weight of something with a
                          description that does not fit on
                          one line of the page
`);
});

test("wrapping keeps long words whole and its own newlines", () => {
  expect(wrapText("aaaa bb\ncccccccccc d", 5)).toEqual(["aaaa", "bb", "cccccccccc", "d"]);
});
