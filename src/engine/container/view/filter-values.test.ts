import { expect, test } from "bun:test";
import { TiffinError } from "../../../lib/errors.ts";
import { booleanOf, portRangeOf, requireInteger, requireWord } from "./filter-values.ts";

function said(check: () => unknown): string {
  try {
    check();
  } catch (thrown) {
    return thrown instanceof TiffinError ? `${thrown.kind}: ${thrown.message}` : String(thrown);
  }
  return "accepted";
}

test("words, numbers, answers and ports that are none are refused in Docker's words", () => {
  expect(said(() => requireWord("status", "state", ["created", "dead"], ["dead", "nonsense"]))).toBe(
    "invalid: invalid filter 'status=nonsense': invalid value for state (nonsense): must be one of created, dead",
  );
  expect(said(() => requireInteger("exited", ["0", "-1", "abc"]))).toBe(
    `invalid: invalid filter 'exited=abc': strconv.Atoi: parsing "abc": invalid syntax`,
  );
  expect(said(() => booleanOf("is-task", ["maybe"]))).toBe("invalid: invalid filter 'is-task=[maybe]'");
  expect(said(() => booleanOf("dangling", ["true", "0"]))).toBe(
    "invalid: invalid filter 'dangling=[true 0]'",
  );
  expect(said(() => portRangeOf("publish", "abc"))).toBe(
    `invalid: error while looking up for publish abc: strconv.ParseUint: parsing "abc": invalid syntax`,
  );
  expect(said(() => portRangeOf("expose", "99999"))).toBe(
    `invalid: error while looking up for expose 99999: strconv.ParseUint: parsing "99999": value out of range`,
  );
  expect(said(() => portRangeOf("expose", "90-80"))).toContain("invalid range");
  expect(said(() => portRangeOf("expose", "80/foo"))).toContain("invalid proto: foo");
});

test("what is meant is understood", () => {
  expect([booleanOf("x", ["1", "true"]), booleanOf("x", ["0"])]).toEqual([true, false]);
  expect(portRangeOf("publish", "80-90/UDP")).toEqual({ first: 80, last: 90, protocol: "udp" });
  expect(portRangeOf("publish", "80")).toEqual({ first: 80, last: 80, protocol: "tcp" });
});
