import { expect, test } from "bun:test";
import { EngineError } from "../client/api-error.ts";
import { describeError } from "./describe-error.ts";

test("names in an error are anybody's words: a terminal acts on none of them, in none of its parts", () => {
  const name = "\u001b]0;title\u0007\u202eback\r";
  const error = new EngineError("invalid", "user.unknown", `unable to find user ${name}`, {
    remedy: `not ${name}`,
    operations: `>  1 exec ${name}\n   2 next`,
  });
  const shown = "\\u001b]0;title\\u0007\\u202eback\\u000d";
  expect(describeError(error, true)).toBe(
    `Error response from daemon: unable to find user ${shown}\n  (not ${shown})\n>  1 exec ${shown}\n   2 next`,
  );
  expect(describeError(new Error(name))).toBe(shown);
});
