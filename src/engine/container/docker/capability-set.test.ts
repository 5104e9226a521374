import { expect, test } from "bun:test";
import { defaultCapabilities } from "../../../linux/capabilities.ts";
import { decideCapabilities } from "./capability-set.ts";

const defaults: readonly string[] = defaultCapabilities;
const known: readonly string[] = [...defaults, "CAP_NET_ADMIN", "CAP_SYS_ADMIN"];

function decide(add: string[], drop: string[], privileged = false): readonly string[] {
  return decideCapabilities({ privileged, add, drop }, known);
}

test("add and drop change the default set; ALL turns it round", () => {
  expect(decide([], [])).toEqual(defaults);
  expect(decide(["net_admin"], ["CAP_KILL"])).toEqual(
    known.filter((name) => name !== "CAP_KILL" && name !== "CAP_SYS_ADMIN"),
  );
  expect(decide(["ALL"], ["SYS_ADMIN"])).toEqual(known.filter((name) => name !== "CAP_SYS_ADMIN"));
  expect(decide(["CHOWN"], ["all"])).toEqual(["CAP_CHOWN"]);
  expect(decide([], ["ALL"])).toEqual([]);
  expect(decide([], ["ALL"], true)).toEqual(known);
});

test("an unknown word is refused", () => {
  expect(() => decide(["FLY"], [])).toThrow('invalid CapAdd: unknown capability: "CAP_FLY"');
  expect(() => decide([], ["CAP_SWIM"])).toThrow('invalid CapDrop: unknown capability: "CAP_SWIM"');
});
