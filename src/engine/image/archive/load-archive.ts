/**
 * `POST /images/load`. The archive is read in one pass without a copy of it; its layers are held until all of its documents have been
 * checked, so an archive that does not end well leaves nothing, and one that does becomes images in as many short steps.
 */
import { progressBar } from "../../../docker/progress-bar.ts";
import { familiarName, parseReference } from "../../../docker/reference.ts";
import type { ProgressMessage } from "../../../docker/types/progress.ts";
import { Breather } from "../../../lib/breather.ts";
import type { Platform } from "../../../oci/mod.ts";
import type { EventBus } from "../../event/mod.ts";
import type { LayerStore } from "../../layer/mod.ts";
import { decompress } from "../../tree/mod.ts";
import type { ImageFailpointHook } from "../failpoints.ts";
import type { ImageStore } from "../image.ts";
import { archivedImages } from "./archived-images.ts";
import { ImageFiles } from "./image-files.ts";

export interface LoadContext {
  readonly images: ImageStore;
  readonly layers: LayerStore;
  readonly events: EventBus;
  readonly host: Platform;
  /** Of what an archive and each layer in it unpack to. */
  readonly limitBytes: number;
  readonly fail: ImageFailpointHook;
}

export interface LoadOptions {
  readonly quiet: boolean;
  readonly platform: Platform | undefined;
}

const shownDigits = 12;

/** Errors: `archive.*`, `invalid` for the documents in it. */
export async function loadArchive(
  context: LoadContext,
  body: AsyncIterable<Uint8Array>,
  { quiet, platform }: LoadOptions,
  report: (message: ProgressMessage) => void,
): Promise<void> {
  const { images, layers, events, host, limitBytes, fail } = context;
  using hold = images.hold();
  const files = await ImageFiles.read(decompress(body, limitBytes), {
    layers,
    hold,
    limitBytes,
    progress(name, current, total) {
      if (quiet) return;
      const progressDetail = { current, total };
      report({
        id: shownName(name),
        status: "Loading layer",
        progressDetail,
        progress: progressBar(current, total),
      });
    },
  });
  fail("load.layers");
  const hasLayer = (id: string): boolean => {
    if (!layers.hasLayer(id)) return false;
    hold.keep(id);
    return true;
  };
  const found = archivedImages(files, { platform, host, hasLayer });
  const breather = new Breather();
  for (const { configuration, references, manifests } of found) {
    await breather.breathe();
    const { image, displaced } = images.add({ configuration, references, manifests });
    fail("load.image");
    for (const { reference, id } of displaced) {
      const shown = familiarName(parseReference(reference));
      report({
        stream: `The image ${shown} already exists, renaming the old one with ID ${id} to empty string\n`,
      });
    }
    for (const reference of references) {
      const name = familiarName(parseReference(reference));
      events.emit("image", "tag", image.id, { name });
      report({ stream: `Loaded image: ${name}\n` });
    }
    if (references.length === 0) report({ stream: `Loaded image ID: ${image.id}\n` });
    events.emit("image", "load", image.id, { name: image.id });
  }
}

/** Docker shows the beginning of the layer's digest; members are named by it, or by something like it. */
function shownName(path: string): string {
  const hex = /[0-9a-f]{64}/.exec(path)?.[0];
  return (hex ?? path).slice(0, shownDigits);
}
