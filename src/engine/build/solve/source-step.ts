/** Where the files of a graph come from: images, directories of the client, the web, git. */

import { normaliseReference, parseReference } from "../../../docker/reference.ts";
import { PlainEntry } from "../../../kernel/plain-entry.ts";
import { nowMs } from "../../../lib/clock.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { formatPlatform } from "../../../oci/mod.ts";
import type { Image } from "../../image/mod.ts";
import { packTree } from "../../tree/mod.ts";
import type { ImageSource, LocalSource, Vertex } from "../graph/mod.ts";
import { appearanceOf } from "../in-place/mod.ts";
import { type LocalContext, mainContextName } from "../inputs.ts";
import type { KeptContext } from "../kept-contexts.ts";
import { gitTree } from "./git-source.ts";
import { httpTree } from "./http-source.ts";
import type { StepContext } from "./step-context.ts";
import { isLive, openTree, type Tree } from "./tree.ts";

/** The directories and images that a build has got so far. */
export class Sources {
  readonly #directories = new Map<string, Promise<string>>();
  readonly #layered = new Map<string, Promise<readonly string[]>>();

  /** Where a local source is, got once for the same wishes. */
  local(step: StepContext, source: LocalSource): Promise<string> {
    const context = step.inputs.contexts.get(source.name);
    const inPlace = inPlaceOf(step, source);
    if (inPlace !== undefined) return Promise.resolve(inPlace);
    const isWhole = context?.kind === "local" && context.local.comesWhole === true;
    const key = isWhole ? source.name : JSON.stringify(source);
    const known = this.#directories.get(key);
    if (known !== undefined) return known;
    const receiving = receive(step, source);
    this.#directories.set(key, receiving);
    return receiving;
  }

  /** A tree as layers, for what needs a root. Of what others may change it is made anew each time. */
  asLayers(step: StepContext, tree: Tree): Promise<readonly string[]> {
    if (tree.kind === "layers") return Promise.resolve(tree.chain);
    if (isLive(tree)) return layerOf(step, tree);
    const known = this.#layered.get(tree.path);
    if (known !== undefined) return known;
    const making = layerOf(step, tree);
    this.#layered.set(tree.path, making);
    return making;
  }
}

async function layerOf(
  step: StepContext,
  tree: Extract<Tree, { kind: "directory" }>,
): Promise<readonly string[]> {
  if (isLive(tree)) {
    using open = openTree(step.services.layers, tree);
    const { view } = open;
    if (view === undefined) return [];
    return [await step.snapshots.addLayer(packTree(view.root, "", { firstHostId: () => 0 }), step.hold)];
  }
  using top = PlainEntry.ofLayer(tree.path);
  const layer = await step.snapshots.addLayer(packTree(top, "", { firstHostId: () => 0 }), step.hold);
  return [layer];
}

async function receive(step: StepContext, { name, kind: _kind, ...wanted }: LocalSource): Promise<string> {
  const context = step.inputs.contexts.get(name);
  if (context?.kind !== "local") {
    const what = name === mainContextName ? "a build context" : `a build context ${JSON.stringify(name)}`;
    throw new TiffinError("invalid", "build.no-context", `the client has not given ${what}`);
  }
  const kept = keptFor(step, context.local, wanted);
  const directory = kept?.path ?? step.place.directory();
  const bytes = await context.local.receive(directory, wanted, step.signal);
  if (bytes !== undefined) kept?.tellBytes(bytes);
  return directory;
}

/** Where a client's directory is, if it is read there. */
function inPlaceOf({ inputs }: StepContext, { name }: LocalSource): string | undefined {
  const context = inputs.contexts.get(name);
  return context?.kind === "local" ? context.local.inPlace : undefined;
}

/** The directory of an earlier build with the same wishes, or a new one to be kept; undefined: none that is kept can be had. */
function keptFor(step: StepContext, { sharedKey }: LocalContext, wanted: unknown): KeptContext | undefined {
  const { contexts } = step.services;
  const kept = sharedKey === undefined ? undefined : contexts.take(JSON.stringify([sharedKey, wanted]));
  if (kept !== undefined) step.place.holdToEnd(kept);
  return kept;
}

export async function sourceTree(
  step: StepContext,
  sources: Sources,
  vertex: Vertex,
): Promise<{ readonly tree: Tree; readonly cached: boolean }> {
  const { operation } = vertex;
  switch (operation.kind) {
    case "image": {
      const { image, pulled } = await imageNamed(step, operation, vertex);
      for (const layer of image.chain) step.hold.keep(layer);
      return { tree: { kind: "layers", chain: image.chain }, cached: !pulled };
    }
    case "local": {
      const path = await sources.local(step, operation);
      const isInPlace = inPlaceOf(step, operation) !== undefined;
      const appearance = isInPlace ? appearanceOf(operation.exclude) : undefined;
      return {
        tree: { kind: "directory", path, ...(appearance !== undefined && { appearance }) },
        cached: false,
      };
    }
    case "http":
      return { tree: { kind: "directory", path: await httpTree(step, vertex, operation) }, cached: false };
    case "git":
      return { tree: { kind: "directory", path: await gitTree(step, vertex, operation) }, cached: false };
    default:
      throw new Error(`no source: ${operation.kind}`);
  }
}

/** The image, pulled when it is not here or when the registry is to be asked. */
export async function imageNamed(
  step: StepContext,
  { reference: written, resolve }: ImageSource,
  vertex: Pick<Vertex, "digest" | "platform">,
): Promise<{ readonly image: Image; readonly pulled: boolean }> {
  const { images, imageService } = step.services;
  const isId = /^(?:sha256:)?[0-9a-f]{64}$/.test(written);
  const platform = vertex.platform ?? "";
  if (resolve !== "pull" || isId) {
    const known = isFor(step, written, platform, isId);
    if (known !== undefined) return { image: known, pulled: false };
  }
  const reference = normaliseReference(parseReference(written));
  if (resolve === "local") throw new TiffinError("notFound", "build.no-image", `no image ${written} is here`);
  const host = reference.split("/", 1)[0] ?? "";
  const auth = await step.inputs.credentials(host);
  const startedMs = nowMs();
  await imageService.pull(
    { name: reference, tag: undefined, platform: platform === "" ? undefined : platform, auth },
    ({ id = "", status = "", progressDetail }) => {
      if (id === "") return;
      const { current = 0, total = 0 } = progressDetail ?? {};
      const over = /complete|exists/i.test(status);
      step.report({
        kind: "status",
        vertex: vertex.digest,
        id,
        name: status,
        current,
        total,
        atMs: nowMs(),
        startedMs,
        ...(over && { completedMs: nowMs() }),
      });
    },
    step.signal,
  );
  return { image: images.resolve(reference), pulled: true };
}

function isFor(
  { services }: StepContext,
  reference: string,
  platform: string,
  isId: boolean,
): Image | undefined {
  try {
    const image = services.images.resolve(reference);
    if (platform === "" || isId) return image;
    const { os, architecture, variant } = image;
    const own = formatPlatform({ os, architecture, variant });
    return own === platform || `${os}/${architecture}` === platform ? image : undefined;
  } catch (thrown) {
    if (!(thrown instanceof TiffinError && thrown.kind === "notFound") || isId) throw thrown;
    return undefined;
  }
}
