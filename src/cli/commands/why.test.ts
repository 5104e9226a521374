/** The way of a packet as text. */
import { expect, test } from "bun:test";
import { whyText } from "./why.ts";

test("words of others, as in the comment of a rule, move no terminal", () => {
  const comment = "\u001b[31mred\u001b]0;title\u0007\nok    forged\u202e";
  const text = whyText({
    Steps: [{ Step: "rules", Outcome: "stop", Text: `drop comment "${comment}"` }],
    Verdict: `no: ${comment}`,
  });
  expect(text.split("\n").length).toBe(4);
  expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(text).toContain("\\u001b[31mred");
});
