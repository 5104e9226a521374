/** Every sentence is there in both languages, with the same values in it, and can stand where scripts put it. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { cgroupWarnings } from "../../linux/cgroup-warnings.ts";
import { sayChinese, sayEnglish, sayings, warningInChinese } from "./mod.ts";
import { scriptSayings } from "./script-sayings.ts";
import { warningSayings } from "./warning-sayings.ts";

const han = /\p{Script=Han}/u;
const entries = Object.entries(sayings);
const placesOf = (text: string): string[] => [...text.matchAll(/\{\d+\}/g)].map(([place]) => place).sort();

test("each has Chinese of its own, with every value that the English has", () => {
  expect(entries.length).toBeGreaterThan(120);
  for (const [english, chinese] of entries) {
    expect(english).not.toMatch(han);
    expect(chinese).toMatch(han);
    expect([english, placesOf(chinese)]).toEqual([english, placesOf(english)]);
  }
});

test("nothing in those of scripts is acted on by a shell or by Perl", () => {
  for (const pair of Object.entries(scriptSayings))
    for (const text of pair) expect(text).not.toMatch(/["`$\\@%\n]/);
});

test("values are put in as they are", () => {
  expect(sayEnglish("with {0} or {1}", "$&", "{0}")).toBe("with $& or {0}");
  expect(sayChinese("{0} bytes", 12n)).toBe("12 字节");
});

describe("warnings of plans", () => {
  test.each(Object.keys(warningSayings))("%s", (english) => {
    const values = ["RLIMIT_NOFILE", "a\nb (c) $1", "7", "8"];
    const filled = english.replaceAll(/\{(\d)\}/g, (_all, index: string) => values[Number(index)] ?? "");
    const chinese = warningInChinese(filled);
    expect(chinese).toMatch(han);
    for (const place of placesOf(english)) expect(chinese).toContain(values[Number(place[1])] ?? "");
  });

  test("those of control groups are all there", () => {
    for (const warning of cgroupWarnings) expect(Object.keys(warningSayings)).toContain(warning);
  });

  test("what is none of them stays as it is", () => {
    expect(warningInChinese("constructor")).toBe("constructor");
  });
});

test("each is said somewhere, so that none of them is of old", () => {
  const folders = [
    "../",
    "../script/",
    "../../engine/network/",
    "../../engine/container/explain/",
    "../../linux/",
  ];
  const sources = folders
    .flatMap((folder) => {
      const directory = new URL(folder, import.meta.url);
      return readdirSync(directory)
        .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
        .map((name) => readFileSync(new URL(name, directory), "utf8"));
    })
    .join("\n");
  const warnings = new Set<string>(Object.keys(warningSayings));
  const unsaid = Object.keys(sayings).filter(
    (saying) => !warnings.has(saying) && !sources.includes(JSON.stringify(saying)),
  );
  expect(unsaid).toEqual([]);
});
