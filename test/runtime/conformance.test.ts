/** The table of requirements names cases that exist, and the page made from it is current. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Requirement, requirements } from "./requirements/mod.ts";

const page = join(import.meta.dir, "..", "..", "docs", "reference", "conformance.md");
const update = process.env["TIFFIN_UPDATE_GOLDEN"] === "1";

function sources(directory: string): string {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => readFileSync(join(directory, name), "utf8"))
    .join("\n");
}

/** The page. */
function render(rows: readonly Requirement[]): string {
  const shown = rows.filter(({ cases }) => cases.length > 0).length;
  const line = ({ section, level, demand, cases, note }: Requirement): string => {
    const evidence = [cases.join("; "), note === undefined ? "" : `(${note})`].filter((part) => part !== "");
    return `| ${section} | ${level} | ${demand} | ${evidence.join(" ").replaceAll("|", "\\|")} |`;
  };
  return [
    "# Conformance to the OCI runtime specification",
    "",
    "Generated from `test/runtime/requirements` (`TIFFIN_UPDATE_GOLDEN=1 bun test test/runtime/conformance.test.ts`).",
    "Cases are those of `test/runtime` unless a folder stands before them; most run against crun and runc as well,",
    "and say in their names where those differ and who is right.",
    "",
    `${shown} of ${rows.length} demands have a case.`,
    "",
    "| section | level | demand | shown by |",
    "| --- | --- | --- | --- |",
    ...rows.map(line),
    "",
  ].join("\n");
}

test("every case that the table names exists", () => {
  const here = sources(import.meta.dir);
  const plan = sources(join(import.meta.dir, "..", "plan"));
  const missing = requirements
    .flatMap(({ cases }) => cases)
    .filter((name) => {
      if (name.startsWith("src/linux: ")) return false;
      if (name.startsWith("test/plan: ")) return !plan.includes(name.slice("test/plan: ".length));
      return !here.includes(name.replace(/^refused: /, ""));
    });
  expect(missing).toEqual([]);
});

test("the page is current", () => {
  const text = render(requirements);
  if (update) writeFileSync(page, text);
  expect(readFileSync(page, "utf8")).toBe(text);
});
