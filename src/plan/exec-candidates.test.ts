import { expect, test } from "bun:test";
import { execCandidates } from "./exec-candidates.ts";

test("a name with a slash is itself", () => {
  expect(execCandidates({ args: ["./run"], env: ["PATH=/bin"] })).toEqual(["./run"]);
});

test("any other is looked up in the process's own PATH", () => {
  expect(execCandidates({ args: ["sh"], env: ["A=1", "PATH=/x:/y/:/"] })).toEqual(["/x/sh", "/y/sh", "/sh"]);
});

test("without PATH the usual directories are searched", () => {
  expect(execCandidates({ args: ["sh"] })).toContain("/usr/bin/sh");
});

test("the working directory is never searched", () => {
  expect(execCandidates({ args: ["sh"], env: ["PATH=:.:bin:/b"] })).toEqual(["/b/sh"]);
  expect(execCandidates({ args: ["sh"], env: ["PATH="] })).toEqual(["/dev/null/sh"]);
});

test("an empty command is refused", () => {
  expect(() => execCandidates({ args: [] })).toThrow("no command specified");
});
