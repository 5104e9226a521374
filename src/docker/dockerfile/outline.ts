/** What a Dockerfile asks of who builds it, and which stages it offers: answers to questions, for which nothing is built. Pure. */
import { commaFields } from "../comma-fields.ts";
import type { Lookup } from "./expand.ts";
import type { Dockerfile, PlacedInstruction } from "./parse-dockerfile.ts";
import { argumentsOf, buildGraph, type GraphOptions, type Stage } from "./stages.ts";

export interface PlacedName {
  readonly name: string;
  readonly firstLine: number;
  readonly lastLine: number;
}

export interface OutlinedArgument extends PlacedName {
  readonly description: string;
  /** Undefined: nobody gives it one. */
  readonly value: string | undefined;
}

export interface OutlinedMount extends PlacedName {
  readonly required: boolean;
}

export interface Outline {
  /** Of the stage that is built; empty for one without. */
  readonly name: string;
  readonly description: string;
  readonly arguments: readonly OutlinedArgument[];
  readonly secrets: readonly OutlinedMount[];
  readonly agents: readonly OutlinedMount[];
  readonly caches: readonly PlacedName[];
}

export interface OutlinedTarget extends PlacedName {
  readonly description: string;
  /** It is what is built where nobody says what. */
  readonly isDefault: boolean;
  readonly base: string;
  readonly platform: string | undefined;
}

/** Throws `DockerfileError`. */
export function outlineOf(file: Dockerfile, options: GraphOptions): Outline {
  const graph = buildGraph(file, options);
  const target = graph.stages.at(-1);
  const wanted = [...graph.globalInstructions, ...graph.stages.flatMap(({ instructions }) => instructions)];
  const mounts = wanted.flatMap((instruction) => mountsOf(instruction));
  const ofKind = (kind: string): OutlinedMount[] =>
    firstOfEach(mounts.filter((mount) => mount.kind === kind));
  const known: Lookup = (name) =>
    options.arguments(name) ?? graph.globals.get(name) ?? options.predefined(name);
  const given = wanted
    .filter(({ name }) => name === "arg")
    .flatMap((instruction) =>
      argumentsOf(instruction, known).map(
        ([name, value]): OutlinedArgument => ({
          ...placeOf(instruction, name),
          description: commentOn(file, instruction, name),
          value: options.arguments(name) ?? value ?? graph.globals.get(name),
        }),
      ),
    );
  return {
    name: target?.name ?? "",
    description: target === undefined ? "" : descriptionOf(file, target),
    arguments: firstOfEach(given.sort((a, b) => a.firstLine - b.firstLine)),
    secrets: ofKind("secret"),
    agents: ofKind("ssh"),
    caches: ofKind("cache").map(({ name, firstLine, lastLine }) => ({ name, firstLine, lastLine })),
  };
}

/** In their order. Throws `DockerfileError`. */
export function targetsOf(file: Dockerfile, options: Omit<GraphOptions, "target">): OutlinedTarget[] {
  const { stages, unused } = buildGraph(file, { ...options, target: "" });
  const all = [...stages, ...unused].sort((a, b) => a.index - b.index);
  return all.map((stage) => ({
    ...placeOf(stage.from, stage.name ?? ""),
    description: descriptionOf(file, stage),
    isDefault: stage.index === all.length - 1,
    base: baseOf(stage, all),
    platform: stage.platform,
  }));
}

function baseOf({ base }: Stage, all: readonly Stage[]): string {
  if (base.kind === "image") return base.name;
  return base.kind === "nothing" ? "scratch" : (all[base.index]?.name ?? "");
}

function descriptionOf(file: Dockerfile, { name, from }: Stage): string {
  return name === undefined ? "" : commentOn(file, from, name);
}

/** What the comment right above says of a name that it begins with. */
function commentOn({ lines }: Dockerfile, { firstLine }: PlacedInstruction, name: string): string {
  for (let at = firstLine - 2; at >= 0; at -= 1) {
    const comment = /^\s*#\s?(.*)$/.exec(lines[at] ?? "")?.[1];
    if (comment === undefined) return "";
    if (comment.toLowerCase().startsWith(`${name.toLowerCase()} `)) return comment.slice(name.length + 1);
  }
  return "";
}

function mountsOf(instruction: PlacedInstruction): (OutlinedMount & { readonly kind: string })[] {
  if (instruction.name !== "run") return [];
  return instruction.flags.flatMap((flag) => {
    if (!flag.startsWith("mount=")) return [];
    const pairs = fieldsOf(flag.slice("mount=".length));
    const kind = pairs.get("type") ?? "bind";
    const target = pairs.get("target") ?? pairs.get("dst") ?? pairs.get("destination") ?? "";
    const usual = kind === "ssh" ? "default" : kind === "secret" ? (target.split("/").at(-1) ?? "") : target;
    const required = ["", "true", "1"].includes(pairs.get("required") ?? "false");
    return [{ ...placeOf(instruction, pairs.get("id") ?? usual), kind, required }];
  });
}

/** A word alone is a wish that is on. */
function fieldsOf(text: string): Map<string, string> {
  return new Map(
    commaFields(text).map((field) => {
      const equals = field.indexOf("=");
      if (equals === -1) return [field.toLowerCase(), ""];
      return [field.slice(0, equals).toLowerCase(), field.slice(equals + 1)];
    }),
  );
}

function placeOf({ firstLine, lastLine }: PlacedInstruction, name: string): PlacedName {
  return { name, firstLine, lastLine };
}

function firstOfEach<T extends PlacedName>(all: readonly T[]): T[] {
  const seen = new Set<string>();
  return all.filter(({ name }) => !seen.has(name) && seen.add(name));
}
