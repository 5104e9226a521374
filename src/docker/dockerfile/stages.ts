/**
 * A Dockerfile as a graph: the stages that a target needs, in an order in which each has what it is made of, and the arguments
 * before the first. Pure.
 */
import { expandWord, type Lookup } from "./expand.ts";
import { parseInstruction, quotedWords } from "./lines.ts";
import { meantName } from "./meant-name.ts";
import { type Dockerfile, DockerfileError, faultAt, type PlacedInstruction } from "./parse-dockerfile.ts";

export interface Stage {
  readonly index: number;
  /** In lower case; undefined for none. */
  readonly name: string | undefined;
  /** What it is made from: another stage, an image, or nothing at all. */
  readonly base: StageBase;
  readonly platform: string | undefined;
  readonly from: PlacedInstruction;
  readonly instructions: readonly PlacedInstruction[];
}

export type StageBase =
  | { readonly kind: "stage"; readonly index: number }
  | { readonly kind: "image"; readonly name: string }
  | { readonly kind: "nothing" };

export interface BuildGraph {
  /** `ARG`s before the first stage, and what they come to. */
  readonly globals: ReadonlyMap<string, string | undefined>;
  readonly globalInstructions: readonly PlacedInstruction[];
  /** Those that the target needs, the target last. */
  readonly stages: readonly Stage[];
  /** Those that nothing of it needs. */
  readonly unused: readonly Stage[];
}

export interface GraphOptions {
  /** A stage's name or number; empty is the last. */
  readonly target: string;
  readonly arguments: Lookup;
  /** Arguments that are there without an `ARG` before the first stage: the platforms. */
  readonly predefined: Lookup;
}

export const instructionNames: ReadonlySet<string> = new Set([
  ..."add arg cmd copy entrypoint env expose from healthcheck label".split(" "),
  ..."maintainer onbuild run shell stopsignal user volume workdir".split(" "),
]);

/** Throws `DockerfileError` in Docker's words. */
export function buildGraph(file: Dockerfile, options: GraphOptions): BuildGraph {
  const globals = new Map<string, string | undefined>();
  const globalInstructions: PlacedInstruction[] = [];
  const stages: { from: PlacedInstruction; stage: Omit<Stage, "instructions">; rest: PlacedInstruction[] }[] =
    [];
  const lookup: Lookup = (name) => globals.get(name) ?? options.predefined(name);
  for (const instruction of file.instructions) {
    const { name, written } = instruction;
    if (!instructionNames.has(name)) {
      throw new DockerfileError(`unknown instruction: ${written.toUpperCase()}`, instruction);
    }
    try {
      if (name === "from") {
        const known = stages.map(({ stage }) => stage);
        stages.push({ from: instruction, stage: stageOf(instruction, known, lookup), rest: [] });
      } else if (stages.length > 0) stages.at(-1)?.rest.push(instruction);
      else if (name === "arg") {
        globalInstructions.push(instruction);
        for (const [key, value] of argumentsOf(instruction, lookup)) {
          globals.set(key, options.arguments(key) ?? value);
        }
      } else throw new Error("no build stage in current context");
    } catch (thrown) {
      throw faultAt(thrown, instruction);
    }
  }
  const whole = stages.map(({ stage, rest }): Stage => ({ ...stage, instructions: rest }));
  const needed = neededBy(whole, targetOf(whole, options.target));
  return {
    globals,
    globalInstructions,
    stages: whole.filter(({ index }) => needed.has(index)),
    unused: whole.filter(({ index }) => !needed.has(index)),
  };
}

function stageOf(
  instruction: PlacedInstruction,
  known: readonly Omit<Stage, "instructions">[],
  lookup: Lookup,
): Omit<Stage, "instructions"> {
  const words = instruction.rest.split(/\s+/).filter((word) => word !== "");
  const [written = "", as, alias, ...more] = words;
  const isNamed = as?.toLowerCase() === "as" && alias !== undefined && more.length === 0;
  if (words.length !== 1 && !isNamed) {
    throw new Error("FROM requires either one or three arguments");
  }
  const name = alias?.toLowerCase();
  if (name !== undefined && !/^[a-z][a-z0-9-_.]*$/.test(name)) {
    throw new Error(
      `invalid name for build stage: ${JSON.stringify(alias)}, name can't start with a number or contain symbols`,
    );
  }
  let platform: string | undefined;
  for (const flag of instruction.flags) {
    if (!flag.startsWith("platform=")) throw new Error(`unknown flag: --${flag.split("=", 1)[0]}`);
    platform = expandWord(flag.slice("platform=".length), lookup) || undefined;
  }
  const image = expandWord(written, lookup);
  if (image === "") throw new Error(`base name (${written}) should not be blank`);
  const stage = known.findLast((one) => one.name === image.toLowerCase());
  let base: StageBase = { kind: "image", name: image };
  if (stage !== undefined) base = { kind: "stage", index: stage.index };
  else if (image === "scratch") base = { kind: "nothing" };
  return { index: known.length, name, base, platform, from: instruction };
}

/** Names of an `ARG`, each with the value that it has by itself. */
export function argumentsOf(
  { rest, flags }: PlacedInstruction,
  lookup: Lookup,
): [name: string, value: string | undefined][] {
  if (flags.length > 0) throw new Error(`unknown flag: --${flags[0]?.split("=", 1)[0]}`);
  const words = quotedWords(rest);
  if (words.length === 0) throw new Error("ARG requires at least one argument");
  const seen = new Map<string, string>();
  const inner: Lookup = (name) => seen.get(name) ?? lookup(name);
  return words.map((word) => {
    const equals = word.indexOf("=");
    const key = expandWord(equals === -1 ? word : word.slice(0, equals), inner);
    if (key === "") throw new Error("ARG names can not be blank");
    if (equals === -1) return [key, undefined];
    const value = expandWord(word.slice(equals + 1), inner);
    seen.set(key, value);
    return [key, value];
  });
}

/** The stage that a name or a number means, among those before; undefined for an image. */
export function stageNamed<S extends Pick<Stage, "index" | "name">>(
  stages: readonly S[],
  text: string,
): S | undefined {
  const named = stages.findLast(({ name }) => name === text.toLowerCase());
  if (named !== undefined || !/^\d{1,9}$/.test(text)) return named;
  return stages.find(({ index }) => index === Number(text));
}

function targetOf(stages: readonly Stage[], target: string): Stage {
  const last = stages.at(-1);
  if (last === undefined) {
    throw new DockerfileError("dockerfile contains no stages to build", { firstLine: 1, lastLine: 1 });
  }
  if (target === "") return last;
  const found = stageNamed(stages, target);
  if (found !== undefined) return found;
  const meant = meantName(
    target.toLowerCase(),
    stages.flatMap(({ name }) => (name === undefined ? [] : [name])),
  );
  const guess = meant === undefined ? "" : ` (did you mean ${meant}?)`;
  throw new DockerfileError(`target stage ${JSON.stringify(target)} could not be found${guess}`, last.from);
}

function neededBy(stages: readonly Stage[], target: Stage): Set<number> {
  const needed = new Set<number>();
  const pending = [target];
  for (let stage = pending.pop(); stage !== undefined; stage = pending.pop()) {
    if (needed.has(stage.index)) continue;
    needed.add(stage.index);
    const before = stages.slice(0, stage.index);
    if (stage.base.kind === "stage") pending.push(...stages.slice(stage.base.index, stage.base.index + 1));
    for (const instruction of stage.instructions) {
      for (const source of sourcesOf(instruction)) {
        const found = stageNamed(before, source);
        if (found !== undefined) pending.push(found);
      }
    }
  }
  return needed;
}

/** Where else files of an instruction come from: what `--from` says. */
export function sourcesOf(instruction: PlacedInstruction): string[] {
  const { name, rest, flags } =
    instruction.name === "onbuild" ? parseInstruction(instruction.rest) : instruction;
  if (rest === "" || (name !== "copy" && name !== "run")) return [];
  return flags.flatMap((flag) => {
    if (name === "copy") return flag.startsWith("from=") ? [flag.slice("from=".length)] : [];
    if (!flag.startsWith("mount=")) return [];
    return flag
      .slice("mount=".length)
      .split(",")
      .filter((part) => part.startsWith("from="))
      .map((part) => part.slice("from=".length));
  });
}
