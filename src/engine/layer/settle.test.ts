/** A layer's way to the disk, while others are served. */
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { archiveOf } from "../../../test/support/layer-archive.ts";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { probe } from "../../kernel/probe.ts";
import type { LayerForm } from "./layer-form.ts";
import { openOverlayLayerStore } from "./overlay-layer-store.ts";

const files = 600;
const members = Array.from({ length: files }, (_, number) => ({
  path: `directory${number % 20}/file${number}`,
  content: randomBytes(16 * 1024),
}));
const archive = archiveOf(members);
const { features, identity } = probe();

const forms: [string, LayerForm, boolean][] = [
  [
    "an image",
    { kind: "image", way: features.erofsFromFiles ? "file" : "loop", attached: false },
    features.erofs,
  ],
  ["a directory", { kind: "directory" }, true],
];

for (const [name, form, possible] of forms) {
  test.skipIf(!possible || identity.uid !== 0)(`${name} is settled without the event loop`, async () => {
    using scratch = temporaryDirectory("settle");
    const store = openOverlayLayerStore({ root: scratch.path, form });
    try {
      using ingest = store.ingest();
      ingest.push(archive);
      let turns = 0;
      let settled = false;
      const turn = (): void => {
        turns += 1;
        if (!settled) setImmediate(turn);
      };
      setImmediate(turn);
      await ingest.settle();
      settled = true;
      expect(turns).toBeGreaterThan(1);
      const { id, bytes } = ingest.finish();
      expect(bytes).toBe(files * 16 * 1024);
      // Directory, description and skeleton are counted beside the content.
      expect(store.layerDiskBytes(id)).toBeGreaterThan(bytes);
      expect(store.layerDiskBytes(id)).toBeLessThan(bytes * 1.05);
    } finally {
      await store.emptied();
      store.close();
    }
  });
}
