/** What the checks found, as text. */
import { expect, test } from "bun:test";
import { checkText, warningsText } from "./check-text.ts";

test("each warning has its rule, its page, its words and the lines around it", () => {
  const lines = ["FROM a", "", "CMD x"];
  const text = checkText([{ rule: "MaintainerDeprecated", text: "words", firstLine: 3, lastLine: 3 }], {
    name: "Dockerfile",
    lines,
  });
  expect(text.split("\n")).toStrictEqual([
    "Check complete, 1 warning has been found!",
    "",
    "WARNING: MaintainerDeprecated - https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/",
    "words",
    "Dockerfile:3",
    "--------------------",
    "   1 |     FROM a",
    "   2 |     ",
    "   3 | >>> CMD x",
    "--------------------",
    "",
  ]);
  expect(checkText([], { name: "Dockerfile", lines })).toBe("Check complete, no warnings found.\n");
});

test("at the end of a build each has a line", () => {
  const warning = { rule: "MaintainerDeprecated", text: "words", firstLine: 3, lastLine: 4 } as const;
  expect(warningsText([warning])).toBe(
    "\n 1 warning found (use --check to expand):\n - MaintainerDeprecated: words (line 3)\n",
  );
  expect(warningsText([warning, warning])).toStartWith("\n 2 warnings found");
  expect(warningsText([])).toBe("");
});
