/** What a build would do, for people: stages in their order, and the steps of each. */
import type { PlacedInstruction } from "../../docker/dockerfile/parse-dockerfile.ts";
import { type BuildGraph, type Stage, sourcesOf, stageNamed } from "../../docker/dockerfile/stages.ts";

export function graphText({ stages, unused }: BuildGraph): string {
  const all = [...stages, ...unused].sort((a, b) => a.index - b.index);
  const lines = stages.flatMap((stage) => [
    `stage ${titleOf(stage)} from ${baseText(stage, all)}`,
    ...stage.instructions.map((step) => `  ${step.firstLine}: ${stepText(step)}${fromText(step, all)}`),
  ]);
  for (const stage of unused) lines.push(`stage ${titleOf(stage)} is not needed`);
  return `${lines.join("\n")}\n`;
}

function titleOf({ index, name }: Stage): string {
  return name === undefined ? String(index) : `${index} (${name})`;
}

function baseText({ base }: Stage, all: readonly Stage[]): string {
  if (base.kind === "image") return `image ${base.name}`;
  if (base.kind === "nothing") return "nothing";
  const stage = all.find(({ index }) => index === base.index);
  return `stage ${stage === undefined ? base.index : titleOf(stage)}`;
}

function stepText({ written, flags, rest }: PlacedInstruction): string {
  return [written.toUpperCase(), ...flags.map((flag) => `--${flag}`), rest]
    .join(" ")
    .replace(/\s+/g, " ")
    .trimEnd();
}

function fromText(step: PlacedInstruction, all: readonly Stage[]): string {
  const stages = sourcesOf(step).flatMap((source) => stageNamed(all, source) ?? []);
  return stages.map((stage) => `  <- stage ${titleOf(stage)}`).join("");
}
