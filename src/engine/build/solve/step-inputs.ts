/** All that can matter for what a step comes to, each by a name that people know: keys are made of it, and reasons. */
import { createHash } from "node:crypto";
import { formatPlatform } from "../../../oci/mod.ts";
import type { FileAction, RunMount, RunProgram, Vertex } from "../graph/mod.ts";
import type { StepInput } from "../step-cache.ts";
import { contentFacts } from "./content-facts.ts";
import type { StepInputs } from "./files-step.ts";
import { memoryFor } from "./memory-for.ts";
import type { StepContext } from "./step-context.ts";
import { emptyTree, openTree, type Tree } from "./tree.ts";

export interface StepTrees {
  readonly trees: StepInputs;
  /** Of what copies take. */
  readonly selected: readonly StepInput[];
}

const proxyDigits = 16;

export async function inputsOfStep(
  step: StepContext,
  vertex: Vertex,
  { trees, selected }: StepTrees,
): Promise<StepInput[]> {
  const { operation } = vertex;
  const platform = { name: "platform", value: formatPlatform(step.platform) };
  if (operation.kind === "files") {
    const [first] = operation.actions;
    const on = first?.on.kind === "input" ? first.on.index : -1;
    return [
      { name: "instruction", value: JSON.stringify(operation.actions.map(written)) },
      { name: "base", value: chainText(treeAt(trees, on)) },
      platform,
      ...selected,
    ];
  }
  if (operation.kind !== "run") throw new Error(`no step: ${operation.kind}`);
  const mounted = await Promise.all(operation.mounts.map((mount) => mountFacts(step, mount, trees)));
  return [
    { name: "command", value: JSON.stringify(operation.arguments) },
    ...environmentFacts(operation),
    { name: "user", value: operation.user },
    { name: "working directory", value: operation.directory },
    { name: "network", value: operation.network },
    { name: "security", value: operation.security },
    { name: "further hosts", value: JSON.stringify(operation.hosts) },
    { name: "secret variables", value: JSON.stringify(operation.secretEnvironment) },
    platform,
    ...mounted.flat(),
  ];
}

/** What a step does, as people know it. */
export function operationText({ name }: Vertex): string {
  return name.replace(/^\[[^\]]*\] /, "");
}

function treeAt(trees: StepInputs, index: number): Tree {
  return index === -1 ? emptyTree : (trees[index] ?? emptyTree);
}

/** Short, and another for every other list of layers. */
function chainText(tree: Tree): string {
  if (tree.kind === "directory") throw new Error("a base has to be layers");
  return createHash("sha256").update(tree.chain.join(" ")).digest("hex");
}

/** Without where its files come from: what is in them counts. */
function written(action: FileAction): unknown {
  if (action.kind === "makeFile") return { ...action, content: digestOf(action.content) };
  if (action.kind === "copy") return { ...action, from: "" };
  return action;
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256")
    .update(bytes)
    .digest("hex")
    .slice(0, proxyDigits * 2);
}

function environmentFacts({ environment }: RunProgram): StepInput[] {
  return environment.map((entry) => {
    const equals = entry.indexOf("=");
    return { name: `variable ${entry.slice(0, equals)}`, value: entry.slice(equals + 1) };
  });
}

async function mountFacts(step: StepContext, mount: RunMount, trees: StepInputs): Promise<StepInput[]> {
  if (mount.kind === "tree" && mount.target === "/")
    return [{ name: "base", value: chainText(treeAt(trees, mount.input)) }];
  const name = `mount at ${mount.target}`;
  if (mount.kind !== "tree") return [{ name, value: JSON.stringify({ ...mount, input: 0 }) }];
  const { source, readOnly, output } = mount;
  const said = { name, value: JSON.stringify({ source, readOnly, output }) };
  const from = treeAt(trees, mount.input);
  using tree = openTree(step.services.layers, from);
  using found = tree.find(source);
  if (found === undefined) return [said];
  const facts = await contentFacts([{ path: "", node: found }], memoryFor(step, from));
  return [said, ...facts.map(({ name: path, value }) => ({ name: `${name}: ${path}`, value }))];
}
