/** The Dockerfile and what its context leaves out, from where the client has them. */
import { type Dockerfile, parseDockerfile } from "../../docker/dockerfile/parse-dockerfile.ts";
import { TreeView } from "../../kernel/tree-view.ts";
import { TiffinError } from "../../lib/errors.ts";
import { buildFault, notDoneYet } from "./build-error.ts";
import type { LocalSource } from "./graph/mod.ts";
import { dockerfileContextName, mainContextName } from "./inputs.ts";
import type { Sources, StepContext } from "./solve/mod.ts";

const limitBytes = 4 * 1024 * 1024;
const usualName = "Dockerfile";
const ignoreName = ".dockerignore";

export interface ReadDockerfile {
  readonly file: Dockerfile;
  readonly name: string;
  /** Lines of the patterns that leave files of the main context out. */
  readonly ignored: readonly string[];
}

/** Errors: `build.no-dockerfile`, and those of its grammar. */
export async function readDockerfile(
  step: StepContext,
  sources: Sources,
  wanted: string,
): Promise<ReadDockerfile> {
  const contextName = step.inputs.contexts.has(dockerfileContextName)
    ? dockerfileContextName
    : mainContextName;
  const usual = wanted === "" ? usualName : wanted;
  const lower = usual.toLowerCase();
  const names = [usual, ...(usual === usualName ? [lower] : [])];
  const directory = await receive(step, sources, contextName, [
    ...names,
    `${usual}.dockerignore`,
    ignoreName,
  ]);
  using tree = new TreeView([directory], { crossesMounts: true });
  const name = names.find((one) => tree.read(one, limitBytes) !== undefined);
  const bytes = name === undefined ? undefined : tree.read(name, limitBytes);
  if (name === undefined || bytes === undefined) {
    throw new TiffinError("invalid", "build.no-dockerfile", `Cannot locate specified Dockerfile: ${usual}`);
  }
  if (bytes.length === 0) {
    throw new TiffinError("invalid", "build.no-dockerfile", `The Dockerfile (${name}) cannot be empty`);
  }
  const own = tree.read(`${name}.dockerignore`, limitBytes);
  const patterns = own ?? (await mainIgnore(step, sources, contextName, directory));
  return { file: parsed(new TextDecoder().decode(bytes)), name, ignored: linesOf(patterns) };
}

/** Of all directories of the client that have names, by these. */
export async function readIgnores(
  step: StepContext,
  sources: Sources,
  { ignored }: Pick<ReadDockerfile, "ignored">,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const lines = new Map([[mainContextName, ignored]]);
  for (const [name, context] of step.inputs.contexts) {
    if (context.kind !== "local" || lines.has(name) || name === dockerfileContextName) continue;
    const directory = await receive(step, sources, name, [ignoreName]);
    using tree = new TreeView([directory], { crossesMounts: true });
    lines.set(name, linesOf(tree.read(ignoreName, limitBytes)));
  }
  return lines;
}

async function mainIgnore(
  step: StepContext,
  sources: Sources,
  contextName: string,
  directory: string,
): Promise<Uint8Array | undefined> {
  const context = step.inputs.contexts.get(mainContextName);
  if (context?.kind !== "local") return undefined;
  const path =
    contextName === mainContextName ? directory : await receive(step, sources, mainContextName, [ignoreName]);
  using tree = new TreeView([path], { crossesMounts: true });
  return tree.read(ignoreName, limitBytes);
}

async function receive(
  step: StepContext,
  sources: Sources,
  name: string,
  follow: readonly string[],
): Promise<string> {
  const source: LocalSource = { kind: "local", name, follow };
  return await sources.local(step, source);
}

function linesOf(patterns: Uint8Array | undefined): string[] {
  if (patterns === undefined) return [];
  return new TextDecoder()
    .decode(patterns)
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .filter((line) => !line.startsWith("#") && line.trim() !== "");
}

function parsed(text: string): Dockerfile {
  let file: Dockerfile;
  try {
    file = parseDockerfile(text);
  } catch (thrown) {
    throw buildFault(thrown, text.split(/\r?\n/), true);
  }
  refuseFrontend(file);
  return file;
}

/** What the stable frontend of that name does is built in. */
function refuseFrontend({ syntax }: Dockerfile): void {
  if (syntax === undefined) return;
  const known =
    /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?::(?:1(?:\.\d+){0,2}|latest|stable)(?:-labs)?)?(?:@sha256:[0-9a-f]{64})?$/;
  if (!known.test(syntax)) throw notDoneYet(`the frontend ${syntax}`);
}
