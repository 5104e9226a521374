/** A layer that arrives as a stream of its uncompressed tar. */
import { Breather } from "../../lib/breather.ts";
import type { LayerStore, StoredLayer } from "../layer/mod.ts";
import type { LayerHold } from "./image.ts";

/** What is unpacked between two looks at the clock. */
const sliceBytes = 64 * 1024;

/**
 * Stores it as it comes and holds it. `wanted` is the id that it must have. Errors: `layer.other-digest`, `archive.*`, and what the
 * source throws; nothing of it is left then.
 */
export async function ingestLayer(
  layers: LayerStore,
  hold: LayerHold,
  source: AsyncIterable<Uint8Array>,
  wanted?: string,
): Promise<StoredLayer> {
  using ingest = layers.ingest();
  const breather = new Breather();
  for await (const piece of source) {
    for (let at = 0; at < piece.length; at += sliceBytes) {
      ingest.push(piece.subarray(at, at + sliceBytes));
      await breather.breathe();
    }
  }
  await ingest.settle();
  return ingest.finish(wanted, (id) => hold.keep(id));
}
