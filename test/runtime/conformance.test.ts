/** The table of requirements names cases that exist, and the page made from it is current. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { specificationVersion } from "../../src/oci/version.ts";
import { expectGolden } from "../support/golden.ts";
import { type Requirement, requirements } from "./requirements/mod.ts";

const page = join(import.meta.dir, "..", "..", "docs", "reference", "conformance.md");

function sources(directory: string): string {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => readFileSync(join(directory, name), "utf8"))
    .join("\n");
}

/** The page. */
function render(rows: readonly Requirement[]): string {
  const shown = rows.filter(({ cases }) => cases.length > 0);
  const levels = (["MUST", "SHOULD", "MAY"] as const).map((level) => {
    const count = (list: readonly Requirement[]): number => list.filter((row) => row.level === level).length;
    return `${level} ${count(shown)} of ${count(rows)}`;
  });
  const line = ({ section, level, demand, cases, note }: Requirement): string => {
    const evidence = [cases.join("; "), note === undefined ? "" : `(${note})`].filter((part) => part !== "");
    return `| ${section} | ${level} | ${demand} | ${evidence.join(" ").replaceAll("|", "\\|")} |`;
  };
  return [
    `# Conformance to the OCI runtime specification ${specificationVersion}`,
    "",
    "Generated from `test/runtime/requirements` (`TIFFIN_UPDATE_GOLDEN=1 bun test test/runtime/conformance.test.ts`).",
    "Cases are those of `test/runtime` unless a folder stands before them; most run against crun and runc as well,",
    "and say in their names where those differ and who is right.",
    "",
    `${shown.length} of ${rows.length} demands have a case: ${levels.join(", ")}. Words in brackets say what is not met, and why.`,
    "",
    "| section | level | demand | shown by |",
    "| --- | --- | --- | --- |",
    ...rows.map(line),
    "",
  ].join("\n");
}

/** Folders that a case may be in; here without a word before its name. */
const folders: Readonly<Record<string, string>> = {
  "test/plan": join(import.meta.dir, "..", "plan"),
  "src/linux": join(import.meta.dir, "..", "..", "src", "linux"),
  "src/kernel": join(import.meta.dir, "..", "..", "src", "kernel"),
};

test("every case that the table names exists", () => {
  const here = sources(import.meta.dir);
  const others = Object.entries(folders).map(([name, path]) => ({
    before: `${name}: `,
    text: sources(path),
  }));
  const exists = (name: string): boolean => {
    const other = others.find(({ before }) => name.startsWith(before));
    const [text, own] = other === undefined ? [here, name] : [other.text, name.slice(other.before.length)];
    return text.includes(`"${own.replace(/^refused: /, "").replaceAll('"', '\\"')}"`);
  };
  const missing = requirements.flatMap(({ cases }) => cases).filter((name) => !exists(name));
  expect(missing).toEqual([]);
});

test("a demand without a case says why", () => {
  expect(requirements.filter(({ cases, note }) => cases.length === 0 && note === undefined)).toEqual([]);
});

test("the page is current", () => {
  expectGolden(page, render(requirements));
});
