/** A plan as text: one line per operation, in the order in which each process performs them. */
import { shownText } from "../lib/shown-name.ts";
import { hostDetail } from "./host-detail.ts";
import { detailOf } from "./op-detail.ts";
import type { HostOp, Plan, ProcessOp } from "./plan.ts";
import { type Say, sayEnglish } from "./say/mod.ts";

/** In which language: what is in a plan itself is English. */
export interface Tongue {
  readonly say: Say;
  readonly phrase: (english: string) => string;
  readonly warning: (english: string) => string;
}

const english: Tongue = { say: sayEnglish, phrase: (text) => text, warning: (text) => text };

/** Their objects are a container's own words. */
export const namedByOthers: ReadonlySet<string> = new Set(["exec", "hook", "setHostname", "setDomainname"]);

interface Line {
  readonly index: string;
  readonly stage: string;
  readonly op: string;
  readonly target: string;
  readonly detail: string;
  readonly cause: string;
  readonly inverse: string;
}

/**
 * One line per op: index, stage, kind, target, details, cause. Host ops are counted `h0`, `h1` ..., received
 * descriptors stand first. The text is stable: tests compare it, `explain` shows it.
 */
export function renderPlan(plan: Plan, tongue: Tongue = english): string {
  const lines = planLines(plan, tongue).map(lineText);
  return [...receiveLines(plan), ...lines, ...warningLines(plan, tongue), ""].join("\n");
}

function lineText({ index, stage, op, target, detail, cause }: Line): string {
  const on = [target, detail].filter((text) => text !== "").join("  ");
  return shownText(`${index.padStart(4)}  ${stage.padEnd(7)}  ${op.padEnd(19)}  ${on}  [${cause}]`);
}

/** The lines of a part of a plan: `first` is the number of its first operation. */
export function renderOps(ops: readonly ProcessOp[], first: number): string[] {
  return ops.map((op, index) => lineText(opLine(op, first + index, english)));
}

export function renderHostOps(ops: readonly HostOp[], first: number): string[] {
  return ops.map((op, index) => lineText(hostLine(op, first + index, english)));
}

/** The same as a Markdown table with the inverse of every op. */
export function renderPlanTable(plan: Plan, tongue: Tongue = english): string {
  const cell = (text: string): string => shownText(text.replaceAll("\n", " ")).replaceAll("|", "\\|");
  const rows = planLines(plan, tongue).map(({ index, stage, op, target, detail, cause, inverse }) =>
    ["", index, stage, op, `${target} ${detail}`.trim(), cause, inverse, ""].map(cell).join(" | ").trim(),
  );
  return [
    "| # | stage | operation | on | because of | undone when |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

function planLines(plan: Plan, tongue: Tongue): Line[] {
  return [
    ...plan.hostOps.map((op, index) => hostLine(op, index, tongue)),
    ...plan.ops.map((op, index) => opLine(op, index, tongue)),
  ];
}

function hostLine(op: HostOp, index: number, { say, phrase }: Tongue): Line {
  return {
    index: `h${index}`,
    stage: "host",
    op: op.op,
    target: op.target,
    detail: hostDetail(op, say),
    cause: phrase(op.cause),
    inverse: phrase(op.inverse),
  };
}

function opLine(op: ProcessOp, index: number, { say, phrase }: Tongue): Line {
  return {
    index: String(index),
    stage: op.stage,
    op: op.op,
    target: namedByOthers.has(op.op) ? op.target : phrase(op.target),
    detail: detailOf(op, say),
    cause: phrase(op.cause),
    inverse: phrase(op.inverse),
  };
}

function receiveLines({ receives }: Plan): string[] {
  return receives.map(({ slot, name }) => `${`#${slot}`.padStart(4)}  receive  ${name}`);
}

function warningLines({ warnings }: Plan, tongue: Tongue): string[] {
  return warnings.map((warning) => `   !  ${shownText(tongue.warning(warning))}`);
}
