import { expect, test } from "bun:test";
import { decodeLogLimits } from "./log-limits.ts";

test("log limits", () => {
  expect(decodeLogLimits({})).toEqual({ fileBytes: 20 * 1024 * 1024, files: 5 });
  expect(decodeLogLimits({ "max-size": "10m", "max-file": "3" })).toEqual({
    fileBytes: 10 * 1024 * 1024,
    files: 3,
  });
  for (const bad of [{ "max-size": "ten" }, { "max-file": "0" }]) {
    expect(() => decodeLogLimits(bad)).toThrow("invalid log option");
  }
});
