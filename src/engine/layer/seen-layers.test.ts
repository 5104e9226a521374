/** Chains with equal layers in them, as images that others have built have. */

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { endOfArchive } from "../../archive/mod.ts";
import { seenLayers } from "./seen-layers.ts";

test("a layer that is there twice counts where it is uppermost, and one that holds nothing does not count", () => {
  const empty = createHash("sha256").update(endOfArchive).digest("hex");
  expect(seenLayers(["a", empty, "b", "a", empty, "c"])).toEqual(["c", "a", "b"]);
  expect(seenLayers([empty])).toEqual([]);
});
