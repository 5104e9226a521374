import { expect, test } from "bun:test";
import { failpointHook } from "./failpoints.ts";

test("a failpoint throws at its own name only", () => {
  const hook = failpointHook("create.row");
  expect(() => hook("create.directory")).not.toThrow();
  expect(() => hook("create.row")).toThrow("failpoint create.row");
  expect(() => failpointHook(undefined)("create.row")).not.toThrow();
});

test("a failpoint that throws once lets pass whoever comes later", () => {
  const hook = failpointHook("create.row:once");
  expect(() => hook("create.row")).toThrow("failpoint create.row");
  expect(() => hook("create.row")).not.toThrow();
});
