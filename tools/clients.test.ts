/** The table of clients says nothing that no test shows. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { clientScenarios } from "./clients.ts";

test("every line of the table of clients has its test", () => {
  const without = clientScenarios.filter(({ file, test: name }) => {
    const path = join(import.meta.dir, "../test", `${file}.test.ts`);
    return !existsSync(path) || !readFileSync(path, "utf8").includes(JSON.stringify(name));
  });
  expect(without).toEqual([]);
});
