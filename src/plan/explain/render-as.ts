/** One explanation in the form that is asked for. */
import { shownJson, shownText } from "../../lib/shown-name.ts";
import type { Plan } from "../plan.ts";
import { planJson } from "../plan-json.ts";
import { renderPlan, renderPlanTable } from "../render-plan.ts";
import {
  type ExplainedPlan,
  type RenderOptions,
  renderExplained,
  renderMarkdown,
} from "./render-explained.ts";

/** `table` and `shell` are older names. */
export type ExplainedForm = "text" | "json" | "sh" | "markdown" | "plain" | "table" | "shell";

export interface Explanation {
  readonly explained: ExplainedPlan;
  /** Absent: what is done is no plan of the executor's. */
  readonly plan?: Plan;
  readonly script: () => string;
}

export function renderAs(form: ExplainedForm, explanation: Explanation, options: RenderOptions): string {
  const { explained, plan, script } = explanation;
  switch (form) {
    case "text":
      return renderExplained(explained, options);
    case "markdown":
      return renderMarkdown(explained, options);
    case "json":
      return `${shownJson(jsonOf(explained, plan, options))}\n`;
    case "plain":
      return plan === undefined ? plainLines(explained, options) : renderPlan(plan, options.vocabulary);
    case "table":
      return plan === undefined
        ? renderMarkdown(explained, options)
        : renderPlanTable(plan, options.vocabulary);
    case "sh":
    case "shell":
      return script();
  }
}

/** With a plan its operations are there in full, in their own order, and what is said of them beside. */
function jsonOf(
  { ops, totalMs, warnings, notes }: ExplainedPlan,
  plan: Plan | undefined,
  { vocabulary }: RenderOptions,
) {
  const operations = ops.map((op) => ({
    index: op.index,
    chapter: op.chapter,
    origin: op.origin,
    milliseconds: op.milliseconds ?? null,
    result: op.result?.kind ?? null,
    ...(op.result?.kind === "failed" && { errno: op.result.errno }),
    ...(plan === undefined && {
      op: op.op,
      target: op.target,
      detail: op.detail,
      cause: op.setting,
      inverse: op.inverse,
    }),
    meaning: vocabulary.ops[op.op],
  }));
  return {
    ...(plan === undefined ? { notes } : planJson(plan)),
    warnings: warnings.map(vocabulary.warning),
    totalMs: totalMs ?? null,
    operations,
  };
}

function plainLines({ notes, ops }: ExplainedPlan, { vocabulary: { phrase } }: RenderOptions): string {
  const lines = ops.map(({ index, op, target, detail, setting }) =>
    shownText(
      `${index.padStart(4)}  ${op.padEnd(19)}  ${[phrase(target), detail].filter((text) => text !== "").join("  ")}  [${phrase(setting)}]`,
    ),
  );
  return [...notes, ...lines, ""].join("\n");
}
