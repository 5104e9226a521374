/** Results to their places: an image, files, archives, registries; several at once. */
import { familiarName, normaliseReference, parseReference } from "../../../docker/reference.ts";
import { formatPlatform } from "../../../oci/mod.ts";
import { type Image, saveArchive } from "../../image/mod.ts";
import type { BuildRequest } from "../build-request.ts";
import type { ArchiveOutput, BuildOutput, BuildResult, ImageWishes } from "../outputs.ts";
import type { StepContext } from "../solve/mod.ts";
import { type Note, toldExport } from "../told-export.ts";
import type { BuiltImage, BuiltTree, Delivery } from "./built-tree.ts";
import { pushBuilt } from "./push-built.ts";
import { ImagesWithOldFiles } from "./rewritten-times.ts";
import { sendFiles } from "./send-files.ts";

/** Errors: those of the images, of a push, and of the client that takes it. */
export async function deliver(
  step: StepContext,
  request: BuildRequest,
  delivery: Delivery,
): Promise<BuildResult> {
  const { built } = delivery;
  const exporter: Record<string, string> = {};
  const named = new Set<string>();
  let made: readonly BuiltImage[] = [];
  const old = new ImagesWithOldFiles(step, delivery);
  for (const output of request.outputs) {
    step.signal.throwIfAborted();
    if (output.kind === "cacheonly") continue;
    await toldExport(step.report, titles[output.kind], async (note) => {
      if (!("names" in output)) {
        await sendFiles(step, output, delivery);
        return;
      }
      made = await imagesOf(step, output, built, old);
      const first = ownOf(step, made);
      if (first === undefined) return;
      note(`writing image ${first.image.id}`);
      exporter["containerimage.config.digest"] = first.image.id;
      // What was pushed is more than what is here.
      if (exporter["containerimage.descriptor"] === undefined)
        exporter["containerimage.digest"] = first.image.id;
      const names = output.names.map(normalised);
      for (const name of names) named.add(name);
      if (named.size > 0) exporter["image.name"] = [...named].join(",");
      if (output.kind !== "image") await sendArchive(step, output, made);
      else {
        // What goes by its digest alone has no name here either.
        if (output.form?.byDigest !== true) nameImage(step, first.image, names, note);
        if (!output.push) return;
        const pushed = await pushBuilt(step, output, { images: made, names }, note);
        exporter["containerimage.digest"] = pushed.digest;
        exporter["containerimage.descriptor"] = Buffer.from(JSON.stringify(pushed)).toString("base64");
      }
    });
  }
  return {
    images: built.map(({ platform }, index) => {
      const id = made[index]?.image.id;
      return { platform: formatPlatform(platform), ...(id !== undefined && { id, digest: id }) };
    }),
    exporter,
  };
}

function normalised(name: string): string {
  return normaliseReference(parseReference(name));
}

async function imagesOf(
  { services }: StepContext,
  { rewriteTimes = false }: ImageWishes,
  built: readonly BuiltTree[],
  old: ImagesWithOldFiles,
): Promise<BuiltImage[]> {
  const trees = rewriteTimes ? await old.all() : built;
  return trees.map(({ configuration, platform }) => ({
    image: services.images.add({ configuration }).image,
    platform,
  }));
}

/** A name of this engine's is of one image: that for this machine, or else the first. */
function ownOf({ services }: StepContext, made: readonly BuiltImage[]): BuiltImage | undefined {
  const own = formatPlatform(services.host);
  return made.find(({ platform }) => formatPlatform(platform) === own) ?? made[0];
}

function nameImage({ services }: StepContext, image: Image, names: readonly string[], note: Note): void {
  const { images, events } = services;
  for (const name of names) {
    images.tag(image.id, name);
    events.emit("image", "tag", image.id, { name: familiarName(parseReference(name)) });
    note(`naming to ${name}`);
  }
}

async function sendArchive(
  { services }: StepContext,
  output: ArchiveOutput,
  made: readonly BuiltImage[],
): Promise<void> {
  const references = output.names.map(normalised);
  const saved = made.map(({ image }) => ({ image, references }));
  await output.sink.write(saveArchive(services, saved, { asIndex: made.length > 1 }));
}

const titles: Readonly<Record<Exclude<BuildOutput["kind"], "cacheonly">, string>> = {
  image: "exporting to image",
  local: "exporting to client directory",
  tar: "sending tarball",
  oci: "exporting to oci image format",
  docker: "exporting to docker image format",
};
