/** The checks of a Dockerfile in BuildKit's words. */
import { expect, test } from "bun:test";
import { checkDockerfile } from "../../docker/dockerfile/check-dockerfile.ts";
import { parseDockerfile } from "../../docker/dockerfile/parse-dockerfile.ts";
import { checkAnswer } from "./check-answer.ts";
import { statusOf } from "./status-events.ts";

const decoder = new TextDecoder();

function answer(text: string): ReadonlyMap<string, string> {
  const file = parseDockerfile(text);
  const { warnings, failing } = checkDockerfile(file, { arguments: () => undefined, ignores: () => false });
  const found = checkAnswer({ file, name: "Other", lines: file.lines, warnings, failing });
  return new Map([...found].map(([key, value]) => [key, decoder.decode(value)]));
}

test("the answer has each warning with its page and its place, the file, and a code that says whether there is any", () => {
  const doubtful = answer("FROM a as b");
  expect(JSON.parse(doubtful.get("result.json") ?? "")).toEqual({
    warnings: [
      {
        ruleName: "FromAsCasing",
        url: "https://docs.docker.com/go/dockerfile/rule/from-as-casing/",
        detail: "'as' and 'FROM' keywords' casing do not match",
        location: { sourceIndex: 0, ranges: [{ start: { line: 1 }, end: { line: 1 } }] },
      },
    ],
    sources: [
      { filename: "Other", language: "Dockerfile", data: Buffer.from("FROM a as b").toString("base64") },
    ],
  });
  expect(doubtful.get("result.txt")).toBe(
    "Other:1: FromAsCasing: 'as' and 'FROM' keywords' casing do not match\n",
  );
  expect(doubtful.get("result.statuscode")).toBe("1");
  const plain = answer("FROM a");
  expect([plain.get("result.statuscode"), plain.get("result.txt")]).toEqual(["0", ""]);
});

test("a warning in the progress names its rule and its line", () => {
  const event = { kind: "warning", vertex: "v", rule: "R", text: "t", detail: [], url: "u" } as const;
  const short = (lines?: { readonly first: number; readonly last: number }): string =>
    decoder.decode(statusOf({ ...event, ...(lines && { lines }) })?.warnings[0]?.short);
  expect([short({ first: 3, last: 4 }), short()]).toEqual(["R: t (line 3)", "R: t"]);
});
