/** Results to their places: an image, files, archives, registries; several at once. */
import { familiarName, normaliseReference, parseReference } from "../../../docker/reference.ts";
import { formatPlatform, type Platform } from "../../../oci/mod.ts";
import { type Image, saveArchive } from "../../image/mod.ts";
import { packTree } from "../../tree/mod.ts";
import type { BuildRequest } from "../build-request.ts";
import type { BuildOutput, BuildResult } from "../outputs.ts";
import { openTree, type StepContext } from "../solve/mod.ts";
import { toldExport } from "../told-export.ts";

export interface BuiltTree {
  readonly platform: Platform;
  readonly chain: readonly string[];
  /** The image's document. */
  readonly configuration: Uint8Array;
}

/** Errors: those of the images, of a push, and of the client that takes it. */
export async function deliver(
  step: StepContext,
  request: BuildRequest,
  built: readonly BuiltTree[],
): Promise<BuildResult> {
  const exporter: Record<string, string> = {};
  const ids = new Map<BuiltTree, string>();
  const outputs = request.outputs;
  for (const output of outputs) {
    step.signal.throwIfAborted();
    if (output.kind === "cacheonly") continue;
    await toldExport(step.report, titles[output.kind], async (note) => {
      if (!("names" in output)) await sendFiles(step, output, built);
      else {
        for (const [index, one] of built.entries()) {
          const image = imageOf(step, one);
          ids.set(one, image.id);
          exporter["containerimage.config.digest"] = image.id;
          exporter["containerimage.digest"] = image.id;
          note(`writing image ${image.id}`);
          await place(step, output, { image, several: built.length > 1 && index > 0 }, note);
        }
        if (output.names.length > 0) exporter["image.name"] = output.names.map(normalised).join(",");
      }
    });
  }
  return {
    images: built.map((one) => {
      const id = ids.get(one);
      return { platform: formatPlatform(one.platform), ...(id !== undefined && { id, digest: id }) };
    }),
    exporter,
  };
}

function normalised(name: string): string {
  return normaliseReference(parseReference(name));
}

function imageOf({ services }: StepContext, { configuration }: BuiltTree): Image {
  return services.images.add({ configuration }).image;
}

interface MadeImage {
  readonly image: Image;
  /** Another platform has the names already. */
  readonly several: boolean;
}

async function place(
  step: StepContext,
  output: Extract<BuildOutput, { names: readonly string[] }>,
  { image, several }: MadeImage,
  note: (text: string) => void,
): Promise<void> {
  const { images, layers, imageService, events } = step.services;
  const names = output.names.map(normalised);
  if (output.kind !== "image") {
    await output.sink.write(saveArchive({ images, layers }, [{ image, references: names }]));
    return;
  }
  for (const name of several ? [] : names) {
    images.tag(image.id, name);
    const shown = familiarName(parseReference(name));
    events.emit("image", "tag", image.id, { name: shown });
    note(`naming to ${name}`);
  }
  if (!output.push) return;
  for (const name of names) {
    note(`pushing ${name}`);
    const auth = await step.inputs.credentials(name.split("/", 1)[0] ?? "");
    await imageService.push({ name, tag: undefined, platform: undefined, auth }, () => {}, step.signal);
  }
}

/** All files as one archive; of several platforms, each below its name. */
async function sendFiles(
  step: StepContext,
  output: Exclude<BuildOutput, { names: readonly string[] } | { kind: "cacheonly" }>,
  built: readonly BuiltTree[],
): Promise<void> {
  for (const { chain, platform } of built) {
    using tree = openTree(step.services.layers, { kind: "layers", chain });
    const below = built.length > 1 ? formatPlatform(platform).replaceAll("/", "_") : "";
    const { view } = tree;
    if (view === undefined) await output.sink.write(nothing());
    else await output.sink.write(packTree(view.root, below, { firstHostId: () => 0 }));
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(emptyArchiveBytes);
}

const emptyArchiveBytes = 1024;

const titles: Readonly<Record<BuildOutput["kind"], string>> = {
  image: "exporting to image",
  local: "exporting to client directory",
  tar: "sending tarball",
  oci: "exporting to oci image format",
  docker: "exporting to docker image format",
  cacheonly: "exporting nothing",
};
