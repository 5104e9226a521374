import { expect, test } from "bun:test";
import { grantedCapabilities } from "./granted-capabilities.ts";

test("what the engine itself lacks is left out, of a wanted set as of all", () => {
  expect(grantedCapabilities(["CAP_KILL", "CAP_CHOWN"], ["CAP_CHOWN", "CAP_KILL"])).toEqual([
    "CAP_CHOWN",
    "CAP_KILL",
  ]);
  expect(grantedCapabilities(["CAP_KILL", "CAP_CHOWN"], ["CAP_KILL", "CAP_MKNOD"])).toEqual(["CAP_KILL"]);
  expect(grantedCapabilities(undefined, ["CAP_MKNOD"])).toEqual(["CAP_MKNOD"]);
});
