import { expect, test } from "bun:test";
import { TiffinError } from "../../../lib/errors.ts";
import { decodeContainerName, makeUpName } from "./names.ts";

test("a name loses Docker's leading slash", () => {
  expect(decodeContainerName("/web-1")).toBe("web-1");
  expect(decodeContainerName("web_1.x")).toBe("web_1.x");
});

test.each(["", "a", "-a", ".hidden", "with space", "a/b", "ümlaut"])("%p is no name", (name) => {
  try {
    decodeContainerName(name);
    expect.unreachable();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(TiffinError);
    if (thrown instanceof TiffinError) expect(thrown.code).toBe("container.name-invalid");
  }
});

test("made-up names avoid the taken ones, with digits when words run out", () => {
  const first = makeUpName(
    () => false,
    () => 0,
  );
  expect(first).toBe("able_abbe");
  const second = makeUpName(
    (name) => name === "able_abbe",
    () => 0,
  );
  expect(second).toBe("able_abbe0");
  expect(() => decodeContainerName(second)).not.toThrow();
});
