/** Causes and inverses of a removal are told in every language. */
import { expect, test } from "bun:test";
import { languages } from "../../../plan/mod.ts";
import { removalCauses, removalInverses } from "./removal.ts";

test.each([...removalCauses, ...removalInverses])("%s", (text) => {
  expect(languages.zh.phrase(text)).toMatch(/\p{Script=Han}/u);
  expect(languages.en.phrase(text)).toBe(text);
});
