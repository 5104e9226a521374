import { expect, test } from "bun:test";
import { pagesOf, roffText } from "./manual-pages.ts";

const groff = Bun.which("groff");

test("every name of every command has a page, and so have the engine and its configuration", async () => {
  const names = [...(await pagesOf()).keys()];
  for (const name of [
    "tiffin.1",
    "tiffin-run.1",
    "tiffin-container-run.1",
    "tiffin-daemon.8",
    "tiffin-runtime.8",
    "tiffin.json.5",
  ]) {
    expect(names).toContain(name);
  }
});

test("what is text is no request, whatever it begins with", () => {
  expect(roffText(".so /etc/passwd\n'x --rm \\fB")).toBe("\\&.so /etc/passwd\n\\&'x \\-\\-rm \\efB");
});

test.skipIf(groff === null)("groff has nothing to complain about (skipped without groff)", async () => {
  const pages = [...(await pagesOf())].filter(([, text]) => !text.startsWith(".so "));
  const all = pages.map(([, text]) => text).join("");
  const done = Bun.spawnSync(["groff", "-man", "-ww", "-z"], { stdin: new TextEncoder().encode(all) });
  expect(done.stderr.toString()).toBe("");
  expect(done.exitCode).toBe(0);
});

test.skipIf(groff === null)("an option is on the page as it is typed (skipped without groff)", async () => {
  const page = (await pagesOf()).get("tiffin-run.1") ?? "";
  const done = Bun.spawnSync(["groff", "-man", "-Tascii", "-P-cbou"], {
    stdin: new TextEncoder().encode(page),
  });
  expect(done.stdout.toString()).toMatch(/^ +--rm\b.*/m);
});
