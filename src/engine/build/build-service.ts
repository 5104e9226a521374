/** Images from Dockerfiles, as clients ask for them. */

import type { Lookup } from "../../docker/dockerfile/expand.ts";
import {
  type Dockerfile,
  faultAt,
  type PlacedInstruction,
  parseDockerfile,
} from "../../docker/dockerfile/parse-dockerfile.ts";
import { type BuildGraph, buildGraph, type Stage, stageNamed } from "../../docker/dockerfile/stages.ts";
import { familiarName, normaliseReference, parseReference } from "../../docker/reference.ts";
import type { BuildPruneReport } from "../../docker/types/build.ts";
import { TreeView } from "../../kernel/tree-view.ts";
import { TiffinError } from "../../lib/errors.ts";
import { own } from "../../lib/own.ts";
import { type Image, taggedReference, wantedPlatform } from "../image/mod.ts";
import { decompress } from "../tree/mod.ts";
import type { BuildContext, ReportBuild } from "./build-context.ts";
import { buildFault, notDoneYet } from "./build-error.ts";
import { BuildPlace, removeLeftBuilds } from "./build-place.ts";
import type { BuildRequest } from "./build-request.ts";
import { type BuildUnderWay, shortOf } from "./build-under-way.ts";
import { StageBuild, textOf } from "./stage-build.ts";

const limitDockerfileBytes = 4 * 1024 * 1024;
const defaultName = "Dockerfile";
const ignoreName = ".dockerignore";
const encoder = new TextEncoder();

export class BuildService {
  readonly #context: BuildContext;

  constructor(context: BuildContext) {
    this.#context = context;
  }

  /** At a start: takes away what builds have left that were cut short. */
  async settle(): Promise<void> {
    const { directory, containers } = this.#context;
    await removeLeftBuilds(directory, async (name) => {
      try {
        await containers.remove(name, { force: true, volumes: true });
      } catch (thrown) {
        if (!(thrown instanceof TiffinError && thrown.kind === "notFound")) throw thrown;
      }
    });
  }

  /** Builds from a context that comes as tar, compressed or not. Errors: `build.*`, `archive.*`, and those of its steps. */
  async build(
    request: BuildRequest,
    body: AsyncIterable<Uint8Array>,
    report: ReportBuild,
    signal: AbortSignal,
  ): Promise<void> {
    const { directory, limitBytes } = this.#context;
    // A name that is none costs nothing.
    const references = request.tags.map((tag) => taggedReference({ repository: tag, tag: undefined }));
    using place = new BuildPlace(directory);
    await place.receive(decompress(body, limitBytes), limitBytes);
    const { file, name } = readDockerfile(place, request.dockerfile);
    place.removeIgnored([name, ignoreName]);
    const told: ReportBuild = request.quiet ? () => {} : report;
    const image = await this.#perform({ place, request, file, report: told, signal });
    if (request.quiet) report({ stream: `${image.id}\n` });
    else {
      report({ aux: { ID: image.id } });
      report({ stream: `Successfully built ${shortOf(image)}\n` });
    }
    for (const reference of references) {
      this.#context.images.tag(image.id, reference);
      const name = familiarName(parseReference(reference));
      this.#context.events.emit("image", "tag", image.id, { name });
      told({ stream: `Successfully tagged ${name}\n` });
    }
  }

  /** Takes away the images of steps that nothing else needs. */
  async prune(): Promise<BuildPruneReport> {
    const { cache, images, imageService, layers } = this.#context;
    const deleted: string[] = [];
    let reclaimed = 0;
    const pending = new Set(cache.imageIds());
    cache.clear();
    for (let changed = true; changed; ) {
      changed = false;
      for (const id of pending) {
        const image = images.byId(id);
        if (image !== undefined && (images.references(id).length > 0 || images.children(id).length > 0))
          continue;
        pending.delete(id);
        if (image === undefined) continue;
        const sizes = image.chain.map((layer) => [layer, layers.layerBytes(layer)] as const);
        try {
          await imageService.remove(id, { force: false, keepParents: true });
        } catch (thrown) {
          // A container has it.
          if (thrown instanceof TiffinError && thrown.kind === "conflict") continue;
          throw thrown;
        }
        deleted.push(id);
        for (const [layer, bytes] of sizes) if (!layers.hasLayer(layer)) reclaimed += bytes;
        changed = true;
      }
    }
    return { CachesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: reclaimed };
  }

  async #perform(
    asked: Pick<BuildUnderWay, "place" | "request" | "file" | "report" | "signal">,
  ): Promise<Image> {
    const { request, file } = asked;
    const predefined = platformArguments(this.#context);
    const given: Lookup = (name) => own(request.arguments, name);
    refuseFrontend(file);
    let graph: BuildGraph;
    try {
      graph = buildGraph(file, { target: request.target, arguments: given, predefined });
    } catch (thrown) {
      throw buildFault(thrown, file.lines, true);
    }
    try {
      return await this.#stages(asked, graph, predefined);
    } catch (thrown) {
      throw buildFault(thrown, file.lines, false);
    }
  }

  async #stages(
    asked: Pick<BuildUnderWay, "place" | "request" | "file" | "report" | "signal">,
    graph: BuildGraph,
    predefined: Lookup,
  ): Promise<Image> {
    const { request, report } = asked;
    const stages = withLabels(graph.stages, request.labels);
    const results = new Map<number, Image>();
    const instructions = stages.reduce((count, { instructions: own }) => count + own.length + 1, 0);
    const build: BuildUnderWay = {
      ...asked,
      context: this.#context,
      globals: graph.globals,
      predefined,
      consumed: new Set(graph.globals.keys()),
      steps: { done: 0, total: graph.globalInstructions.length + instructions },
      imageFrom: async (name) => {
        const stage = stageNamed(stages, name);
        const result = stage === undefined ? undefined : results.get(stage.index);
        return result ?? (await this.#imageNamed(asked, name, undefined));
      },
    };
    for (const instruction of graph.globalInstructions) announce(build, instruction);
    let last: Image | undefined;
    for (const stage of stages) {
      asked.signal.throwIfAborted();
      announce(build, stage.from);
      let base: Image;
      try {
        base = await this.#baseOf(asked, stage, results);
      } catch (thrown) {
        throw faultAt(thrown, stage.from);
      }
      report({ stream: ` ---> ${shortOf(base)}\n` });
      last = await new StageBuild(build, base).run(stage);
      results.set(stage.index, last);
    }
    if (last === undefined) throw new Error("a build without stages");
    const unused = Object.keys(request.arguments).filter((name) => !build.consumed.has(name));
    if (unused.length > 0) {
      report({ stream: `[Warning] One or more build-args [${unused.sort().join(" ")}] were not consumed\n` });
    }
    return last;
  }

  async #baseOf(
    asked: Pick<BuildUnderWay, "request" | "report" | "signal">,
    { base, platform }: Stage,
    results: ReadonlyMap<number, Image>,
  ): Promise<Image> {
    if (base.kind === "image") return await this.#imageNamed(asked, base.name, platform);
    if (base.kind === "nothing") return this.#nothing();
    const image = results.get(base.index);
    if (image === undefined) throw new Error("a stage is built before what it is made from");
    return image;
  }

  /** An image without layers: what begins with nothing begins with this. The same on every day. */
  #nothing(): Image {
    const { host, images } = this.#context;
    const document = {
      created: "1970-01-01T00:00:00Z",
      architecture: host.architecture,
      os: host.os,
      config: {},
      rootfs: { type: "layers", diff_ids: [] },
      history: [],
    };
    return images.add({ configuration: encoder.encode(JSON.stringify(document)) }).image;
  }

  async #imageNamed(
    { request, report, signal }: Pick<BuildUnderWay, "request" | "report" | "signal">,
    name: string,
    platform: string | undefined,
  ): Promise<Image> {
    const { images, imageService, host } = this.#context;
    const wanted = platform ?? (request.platform === "" ? undefined : request.platform);
    const asked = wantedPlatform(wanted, host);
    if (asked !== undefined && (asked.os !== host.os || asked.architecture !== host.architecture)) {
      throw notDoneYet(`a build for ${asked.os}/${asked.architecture} on ${host.os}/${host.architecture}`);
    }
    const isId = /^(?:sha256:)?[0-9a-f]{64}$/.test(name);
    if (!request.pull || isId) {
      try {
        return images.resolve(name);
      } catch (thrown) {
        if (!(thrown instanceof TiffinError && thrown.kind === "notFound") || isId) throw thrown;
      }
    }
    const reference = normaliseReference(parseReference(name));
    await imageService.pull(
      { name: reference, tag: undefined, platform: wanted, auth: undefined },
      report,
      signal,
    );
    return images.resolve(name);
  }
}

function announce({ report, steps }: BuildUnderWay, instruction: PlacedInstruction): void {
  steps.done += 1;
  report({ stream: `Step ${steps.done}/${steps.total} : ${textOf(instruction)}\n` });
}

function readDockerfile(
  { context }: BuildPlace,
  wanted: string,
): { readonly file: Dockerfile; readonly name: string } {
  using tree = new TreeView([context]);
  const usual = wanted === "" ? defaultName : wanted;
  const lower = usual === defaultName ? tree.read(usual.toLowerCase(), limitDockerfileBytes) : undefined;
  const upper = tree.read(usual, limitDockerfileBytes);
  const bytes = upper ?? lower;
  const name = upper === undefined && lower !== undefined ? usual.toLowerCase() : usual;
  if (bytes === undefined) {
    throw new TiffinError("invalid", "build.no-dockerfile", `Cannot locate specified Dockerfile: ${name}`);
  }
  if (bytes.length === 0) {
    throw new TiffinError("invalid", "build.no-dockerfile", `The Dockerfile (${name}) cannot be empty`);
  }
  const text = new TextDecoder().decode(bytes);
  try {
    return { file: parseDockerfile(text), name };
  } catch (thrown) {
    throw buildFault(thrown, text.split(/\r?\n/), true);
  }
}

/** What the stable frontend of that name does is built in. */
function refuseFrontend({ syntax, instructions }: Dockerfile): void {
  if (syntax === undefined || /^(?:docker\.io\/)?docker\/dockerfile(?::1(?:\.\d+){0,2})?$/.test(syntax))
    return;
  if (instructions.length > 0) throw notDoneYet(`the frontend ${syntax}`);
}

/** Labels that the client gives are an instruction at the end. */
function withLabels(stages: readonly Stage[], labels: Readonly<Record<string, string>>): Stage[] {
  const last = stages.at(-1);
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  if (last === undefined || pairs.length === 0) return [...stages];
  const rest = pairs.map((pair) => pair.map(quoted).join("=")).join(" ");
  const { lastLine } = last.instructions.at(-1) ?? last.from;
  const label: PlacedInstruction = {
    name: "label",
    written: "LABEL",
    flags: [],
    rest,
    firstLine: lastLine,
    lastLine,
    hereDocuments: [],
    tail: "",
  };
  return [...stages.slice(0, -1), { ...last, instructions: [...last.instructions, label] }];
}

/** In quotes in which nothing means anything. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}

function platformArguments({ host }: BuildContext): Lookup {
  const platform = [host.os, host.architecture, ...(host.variant === "" ? [] : [host.variant])].join("/");
  const values: Readonly<Record<string, string>> = Object.fromEntries(
    ["TARGET", "BUILD"].flatMap((prefix) => [
      [`${prefix}PLATFORM`, platform],
      [`${prefix}OS`, host.os],
      [`${prefix}ARCH`, host.architecture],
      [`${prefix}VARIANT`, host.variant],
    ]),
  );
  return (name) => own(values, name);
}
