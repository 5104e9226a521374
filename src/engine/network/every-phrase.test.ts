/** Causes and inverses of operations of networks are told in every language: each that the sources of this folder write. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { languages } from "../../plan/mod.ts";

const literal =
  /\b(?:cause|inverse|why)\b\s*[:=]\s*(?:"([^"]+)"|`([^`]+)`)|\bsysctl\([^"]+"\d", "([^"]+)"\)/g;

test("every one has Chinese words", () => {
  const directory = new URL(".", import.meta.url);
  const found = readdirSync(directory)
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .flatMap((name) => [...readFileSync(new URL(name, directory), "utf8").matchAll(literal)])
    .map(([, text, template, third]) => (text ?? template ?? third ?? "").replaceAll(/\$\{[^}]*\}/g, "NAME"));
  expect(found.length).toBeGreaterThan(40);
  const { phrase } = languages.zh;
  const isName = (text: string): boolean =>
    !text.includes(" ") || /^(?:linkDelete NAME|sysctl (?:NAME )?= \d|bridgeAdd, vethAdd)$/.test(text);
  const untold = found.filter((text) => !isName(text) && !/\p{Script=Han}/u.test(phrase(text)));
  expect([...new Set(untold)]).toEqual([]);
});
