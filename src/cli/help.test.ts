import { describe, expect, test } from "bun:test";
import { commandGroups, commandTable } from "./command-table.ts";
import { runCli } from "./run-cli.ts";
import { fakeIo } from "./testing/fake-io.ts";

async function cli(...words: string[]) {
  const io = fakeIo({ columns: 100 });
  const code = await runCli(words, io);
  return { code, out: io.outputText(), err: io.errorText() };
}

describe("the command table", () => {
  for (const entry of commandTable) {
    test(`${entry.names.at(-1)} agrees with its module`, async () => {
      const command = await entry.load();
      expect(command.names).toEqual(entry.names);
      expect(command.summary).toBe(entry.summary);
      for (const name of entry.names) {
        const { code, out } = await cli(...name.split(" "), "--help");
        expect(code).toBe(0);
        expect(out).toStartWith(`Usage:  tiffin ${name} ${command.usage}\n\n${entry.summary}\n`);
      }
    });
  }

  test("no name twice, no short option twice", async () => {
    const names = commandTable.flatMap((entry) => entry.names);
    expect(new Set(names).size).toBe(names.length);
    for (const entry of commandTable) {
      const shorts = Object.values((await entry.load()).flags).flatMap((flag) => flag.short ?? []);
      expect(new Set(shorts).size).toBe(shorts.length);
    }
  });
});

describe("pages", () => {
  test("ps --help", async () => {
    expect((await cli("ps", "--help")).out).toBe(`Usage:  tiffin ps [OPTIONS]

List containers

Aliases:
  tiffin container ls, tiffin container list, tiffin container ps, tiffin ps

Options:
  -a, --all             Show all containers, not only those that run
  -f, --filter filter   Show only what matches the conditions (name=value)
      --format string   How to print: 'table', 'table TEMPLATE', 'json', or a Go template
  -n, --last int        Show the newest so many containers, whatever their state (default -1)
  -l, --latest          Show the newest container, whatever its state
      --no-trunc        Do not shorten the output
  -q, --quiet           Show only IDs
  -s, --size            Show file sizes
`);
  });

  test("the same page by every way to ask", async () => {
    const { out } = await cli("--help");
    expect(out).toStartWith("Usage:  tiffin [OPTIONS] COMMAND\n");
    for (const words of [[], ["help"], ["-h"]]) expect((await cli(...words)).out).toBe(out);
    expect((await cli("help", "ps")).out).toBe((await cli("ps", "--help")).out);
    for (const { name } of commandGroups) {
      const page = (await cli(name)).out;
      expect(page).toStartWith(`Usage:  tiffin ${name} COMMAND\n`);
      expect((await cli("help", name)).out).toBe(page);
      expect((await cli(name, "--help")).out).toBe(page);
    }
  });
});

describe("mistakes", () => {
  test.each([
    [["foo"], 1, "tiffin: unknown command: tiffin foo\n\nRun 'tiffin --help' for more information\n"],
    [
      ["container", "foo"],
      1,
      "tiffin: unknown command: tiffin container foo\n\nUsage:  tiffin container\n\nRun 'tiffin container --help' for more information\n",
    ],
    [
      ["--foo", "ps"],
      125,
      "unknown flag: --foo\n\nUsage:  tiffin [OPTIONS] COMMAND [ARG...]\n\nRun 'tiffin --help' for more information\n",
    ],
    [
      ["run"],
      1,
      "tiffin: 'tiffin run' requires at least 1 argument\n\nUsage:  tiffin run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nSee 'tiffin run --help' for more information\n",
    ],
    [
      ["ps", "x"],
      1,
      "tiffin: 'tiffin ps' accepts no arguments\n\nUsage:  tiffin ps [OPTIONS]\n\nRun 'tiffin ps --help' for more information\n",
    ],
    [
      ["container", "run", "-Z"],
      125,
      "unknown shorthand flag: 'Z' in -Z\n\nUsage:  tiffin container run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nRun 'tiffin container run --help' for more information\n",
    ],
    [["run", "-it", "x"], 1, "the input device is not a TTY\n"],
    [
      ["run", "-d", "-a", "stdout", "x"],
      125,
      "tiffin: conflicting options: cannot specify both --attach and --detach\n\nRun 'tiffin run --help' for more information\n",
    ],
    [["start", "-a", "a", "b"], 1, "you cannot start and attach multiple containers at once\n"],
    [
      ["-H", "ftp://x", "ps"],
      1,
      'unable to parse the engine\'s address "ftp://x": wanted unix:///PATH, tcp://HOST:PORT or ssh://[USER@]HOST\n',
    ],
    [["logs", "/"], 1, "invalid container name or ID: value is empty\n"],
    [["completion", "tcsh"], 1, 'unknown shell "tcsh": wanted bash, fish or zsh\n'],
  ])("%j", async (words, code, err) => {
    expect(await cli(...words)).toEqual({ code, out: "", err });
  });
});

test("the version", async () => {
  expect((await cli("--version")).out).toBe("Tiffin version 0.0.0-test\n");
  expect((await cli("-v")).out).toBe("Tiffin version 0.0.0-test\n");
});

test.each(["bash", "fish", "zsh"])("the %s completion knows commands and options", async (shell) => {
  const { out } = await cli("completion", shell);
  for (const word of ["container", "logs", "publish-all"]) expect(out).toContain(word);
});
