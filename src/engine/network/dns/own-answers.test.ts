import { expect, test } from "bun:test";
import { OwnAnswers } from "./own-answers.ts";

test("an answer is said again to the same question of the same container, under its new id, until containers change", () => {
  const answers = new OwnAnswers();
  const query = Uint8Array.of(0, 1, 9, 9);
  expect(answers.get("10.0.0.2", query, 1)).toBeUndefined();
  answers.put("10.0.0.2", query, Uint8Array.of(0, 1, 7, 7));
  expect(answers.get("10.0.0.2", Uint8Array.of(5, 6, 9, 9), 1)).toEqual(Uint8Array.of(5, 6, 7, 7));
  expect(answers.get("10.0.0.3", query, 1)).toBeUndefined();
  expect(answers.get("10.0.0.2", Uint8Array.of(0, 1, 9, 8), 1)).toBeUndefined();
  expect(answers.get("10.0.0.2", query, 2)).toBeUndefined();
  expect(answers.get("10.0.0.2", query, 2)).toBeUndefined();
});
