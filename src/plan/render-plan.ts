/** A plan as text: one line per operation, in the order in which each process performs them. */
import { shownText } from "../lib/shown-name.ts";
import { hostDetail } from "./host-detail.ts";
import { detailOf } from "./op-detail.ts";
import type { HostOp, Plan, ProcessOp } from "./plan.ts";

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
export function renderPlan(plan: Plan): string {
  const lines = planLines(plan).map(lineText);
  return [...receiveLines(plan), ...lines, ...warningLines(plan), ""].join("\n");
}

function lineText({ index, stage, op, target, detail, cause }: Line): string {
  const on = [target, detail].filter((text) => text !== "").join("  ");
  return shownText(`${index.padStart(4)}  ${stage.padEnd(7)}  ${op.padEnd(19)}  ${on}  [${cause}]`);
}

/** The lines of a part of a plan: `first` is the number of its first operation. */
export function renderOps(ops: readonly ProcessOp[], first: number): string[] {
  return ops.map((op, index) => lineText(opLine(op, first + index)));
}

export function renderHostOps(ops: readonly HostOp[], first: number): string[] {
  return ops.map((op, index) => lineText(hostLine(op, first + index)));
}

/** The same as a Markdown table with the inverse of every op. */
export function renderPlanTable(plan: Plan): string {
  const cell = (text: string): string => shownText(text.replaceAll("\n", " ")).replaceAll("|", "\\|");
  const rows = planLines(plan).map(({ index, stage, op, target, detail, cause, inverse }) =>
    ["", index, stage, op, `${target} ${detail}`.trim(), cause, inverse, ""].map(cell).join(" | ").trim(),
  );
  return [
    "| # | stage | operation | on | because of | undone when |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

function planLines(plan: Plan): Line[] {
  return [...plan.hostOps.map(hostLine), ...plan.ops.map(opLine)];
}

function hostLine(op: HostOp, index: number): Line {
  const { target, cause, inverse } = op;
  return { index: `h${index}`, stage: "host", op: op.op, target, detail: hostDetail(op), cause, inverse };
}

function opLine(op: ProcessOp, index: number): Line {
  const { stage, target, cause, inverse } = op;
  return { index: String(index), stage, op: op.op, target, detail: detailOf(op), cause, inverse };
}

function receiveLines({ receives }: Plan): string[] {
  return receives.map(({ slot, name }) => `${`#${slot}`.padStart(4)}  receive  ${name}`);
}

function warningLines({ warnings }: Plan): string[] {
  return warnings.map((warning) => `   !  ${shownText(warning)}`);
}
