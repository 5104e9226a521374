import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { skeletonOf, withBlocksOf } from "./chinese-readme.ts";

const project = join(import.meta.dir, "..");
const [english = "", chinese = ""] = ["README.md", "README.zh-CN.md"].map((page) =>
  readFileSync(join(project, page), "utf8"),
);

test("the Chinese README shows the same commands, and speaks of the same things", () => {
  expect(withBlocksOf(english, chinese)).toBe(chinese);
  expect(skeletonOf(chinese)).toEqual(skeletonOf(english));
});

test("numbers that are claimed are the same ones", () => {
  const numbers = (page: string): string[] => [
    ...new Set(page.replace(/```.*?```/gs, "").match(/\b\d+(?:\.\d+)? ?(?:KB|MB|GB)|1\.\d\d\b/g) ?? []),
  ];
  expect(numbers(chinese)).toEqual(numbers(english));
});

test("a block that has no place in the other language is an error, a changed one is carried over", () => {
  const block = (text: string) => `words\n\n\`\`\`console\n${text}\n\`\`\`\n`;
  expect(withBlocksOf(block("$ new"), block("$ old"))).toBe(block("$ new"));
  expect(() => withBlocksOf(block("$ a") + block("$ b"), block("$ a"))).toThrow(
    "README.md shows 2 blocks of code",
  );
});
