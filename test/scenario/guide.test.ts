/** The guide, chapter by chapter: its commands run, and print what it shows. Both languages show the same. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { expectShown, shownCommands } from "../support/shown-commands.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const guide = new URL("../../docs/guide/", import.meta.url).pathname;
const page = (language: string, name: string): string => readFileSync(`${guide}${language}/${name}`, "utf8");
const chapters = readdirSync(`${guide}en`).sort();
/** Printed after each command; no command prints it. */
const mark = "\u001e";
let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

test("the guide has the same chapters in both languages, of the same parts and the same commands", () => {
  expect(readdirSync(`${guide}zh`).sort()).toEqual(chapters);
  for (const name of chapters) {
    const parts = (text: string) => [
      text.match(/^#+ /gm),
      text.match(/```console\n.*?```/gs),
      [...text.matchAll(/\]\(((?!\.\.\/(?:en|zh)\/)[^)]+)\)/g)].map(([, target]) => target),
    ];
    expect(parts(page("zh", name))).toEqual(parts(page("en", name)));
  }
});

for (const name of chapters.filter((each) => /^\d/.test(each))) {
  test(`what chapter ${name} shows is what is printed`, async () => {
    using directory = temporaryDirectory("guide");
    const shown = shownCommands(page("en", name));
    expect(shown.length).toBeGreaterThan(1);
    const words = tiffinCommand().map((word) => `'${word}'`);
    const script = [
      `tiffin() { ${words.join(" ")} "$@"; }`,
      // It is a file of the host while it is there.
      "trap 'ip netns pids guide-room 2>/dev/null | xargs -r kill; ip netns del guide-room 2>/dev/null' EXIT",
      // Files, mounts and links of a chapter end with it, whatever becomes of it.
      `mount -t tmpfs guide '${directory.path}'; cd '${directory.path}'`,
      ...shown.map(({ command }) => `${command}\nprintf '${mark}'`),
    ].join("\n");
    const shell = Bun.spawn(["unshare", "--mount", "--net", "sh", "-c", `exec 2>&1\n${script}`], {
      env: { ...process.env, TIFFIN_HOST: engine.host },
      stdin: "ignore",
      stdout: "pipe",
    });
    const parts = (await new Response(shell.stdout).text()).split(mark);
    await shell.exited;
    expect(parts.length).toBe(shown.length + 1);
    for (const [index, each] of shown.entries()) {
      expect({ command: each.command, ...printedBadly(each.output, parts[index] ?? "") }).toEqual({
        command: each.command,
      });
      expectShown(each, parts[index] ?? "");
    }
  });
}

/** Names the command with what it printed when it was to print nothing. */
function printedBadly(output: readonly string[], printed: string): { readonly printed?: string } {
  return output.length === 0 && printed !== "" ? { printed } : {};
}
