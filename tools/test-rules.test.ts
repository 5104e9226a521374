import { expect, test } from "bun:test";
import { join } from "node:path";
import { findOffences, offencesIn, staleExceptions } from "./test-rules.ts";

const project = join(import.meta.dir, "..");

test("no test sleeps, takes a port of its own choice, writes what it compares with, or measures a text", () => {
  expect(findOffences(project)).toEqual([]);
});

test("every exception is still needed", () => {
  expect(staleExceptions(project)).toEqual([]);
});

test.each([
  ["await Bun.sleep(20);"],
  ["Bun.sleepSync(1);"],
  ["await new Promise((resolve) => setTimeout(resolve, 20));"],
  ['await engine.cli("run", "-p", "18080:80", "base");'],
  ['"127.0.0.1:17171:80",'],
  ["await fetch(`http://127.0.0.1:8080/`);"],
  ['Bun.serve({ hostname: "127.0.0.1", port: 8080, fetch });'],
  ["server.listen(8080)"],
  ["if (!existsSync(file)) writeFileSync(file, text);"],
  ['const update = process.env["TIFFIN_UPDATE_GOLDEN"] === "1";'],
  ["expect(text).toMatchSnapshot();"],
  ["expect(error.message.length).toBeGreaterThan(10);"],
  ['test.only("one", () => {});'],
])("an offence is seen: %s", (line) => {
  expect(offencesIn("some.test.ts", `\n${line}\n`)).toMatchObject([{ file: "some.test.ts", line: 2 }]);
});

test.each([
  ['await engine.cli("run", "-p", `$'.concat('{freePort()}:80`, "base");')],
  ['Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });'],
  ['await engine.cli("exec", "web", "httpd", "-f", "-p", "8080");'],
  ['await pause(20, "nothing may happen");'],
  ["await fetch(`http://127.0.0.1:$".concat("{port}/`);")],
])("no offence: %s", (line) => {
  expect(offencesIn("some.test.ts", line)).toEqual([]);
});
