/** An explained plan as text or Markdown, chapter by chapter, and the difference of two. */
import { padToWidth } from "../../lib/display-width.ts";
import { shownText } from "../../lib/shown-name.ts";
import { namedByOthers } from "../render-plan.ts";
import { type Chapter, chapters } from "./chapters.ts";
import type { ExplainedOp, Origin } from "./explained.ts";
import type { Vocabulary } from "./vocabulary.ts";

export interface ExplainedPlan {
  readonly ops: readonly ExplainedOp[];
  readonly warnings: readonly string[];
  /** Of the whole start; undefined where it was not measured. */
  readonly totalMs: number | undefined;
  /** Sentences above everything. */
  readonly notes: readonly string[];
}

export interface RenderOptions {
  readonly vocabulary: Vocabulary;
  readonly details: boolean;
}

const microsecondsBelowMs = 0.1;

export function durationText(milliseconds: number): string {
  if (milliseconds < microsecondsBelowMs) return `${Math.round(milliseconds * 1000)} µs`;
  return `${milliseconds.toFixed(milliseconds < 10 ? 2 : 1)} ms`;
}

export function originText(origin: Origin, { words, phrase }: Vocabulary): string {
  switch (origin.kind) {
    case "flag":
      return words.flag(phrase(origin.text));
    case "image":
      return words.image(phrase(origin.text));
    case "default":
      return words.default;
  }
}

const targetColumns = 64;

/** On what, in words. */
export function targetText({ op, target }: ExplainedOp, { phrase }: Vocabulary): string {
  return namedByOthers.has(op) ? target : phrase(target);
}

function onText(op: ExplainedOp, vocabulary: Vocabulary): string {
  const { detail } = op;
  const on = targetText(op, vocabulary);
  return detail === "" ? on : `${on}  ${detail}`;
}

/** What came of it, in words; empty where that is not known. */
export function resultText({ result }: ExplainedOp, { words }: Vocabulary): string {
  if (result === undefined) return "";
  return result.kind === "failed" ? words.failed(result.errno) : words.results[result.kind];
}

const wholeId = /[0-9a-f]{64}/g;
const shortIdLength = 12;

/** For a line on a screen: ids are recognized by their beginning. */
export function withShortIds(text: string): string {
  return text.replace(wholeId, (id) => `${id.slice(0, shortIdLength)}…`);
}

/** One line of its own when it is long, as paths and lists are. */
function opLines(op: ExplainedOp, { vocabulary, details }: RenderOptions): string[] {
  const time = op.milliseconds === undefined ? "" : durationText(op.milliseconds);
  const head = `${op.index.padStart(5)}  ${op.op.padEnd(15)}`;
  const on = withShortIds(onText(op, vocabulary));
  const cause = `[${originText(op.origin, vocabulary)}]`;
  const result = resultText(op, vocabulary);
  // What went well needs no word where each has its line.
  const remark = op.result === undefined || op.result.kind === "done" ? "" : `  ${result}`;
  const line = shownText(
    `${head} ${padToWidth(on, targetColumns)} ${time.padStart(8)}  ${cause}${remark}`.trimEnd(),
  );
  if (!details) return [line];
  const { ops, stages, words, phrase } = vocabulary;
  return [
    line,
    `         ${ops[op.op]}`,
    `         ${words.by}: ${stages[op.stage]}; ${words.asked}: ${phrase(op.setting)}; ${words.undone}: ${phrase(op.inverse)}${result === "" ? "" : `; ${words.result}: ${result}`}`,
  ];
}

function sum(ops: readonly ExplainedOp[]): number | undefined {
  const known = ops.flatMap(({ milliseconds }) => (milliseconds === undefined ? [] : [milliseconds]));
  return known.length === 0 ? undefined : known.reduce((total, one) => total + one, 0);
}

export function renderExplained(plan: ExplainedPlan, options: RenderOptions): string {
  const { vocabulary } = options;
  const { words } = vocabulary;
  const lines = [...plan.notes];
  const total = plan.totalMs === undefined ? undefined : durationText(plan.totalMs);
  lines.push(words.summary(plan.ops.length, total));
  for (const chapter of chapters) {
    const ops = plan.ops.filter((op) => op.chapter === chapter);
    if (ops.length === 0) continue;
    const { title, meaning } = vocabulary.chapters[chapter];
    const taken = sum(ops);
    const time = taken === undefined ? undefined : durationText(taken);
    lines.push("", `${title} (${words.summary(ops.length, time)}): ${meaning}`);
    lines.push(...ops.flatMap((op) => opLines(op, options)));
  }
  if (plan.warnings.length > 0)
    lines.push("", words.warnings, ...plan.warnings.map((one) => `  ${shownText(vocabulary.warning(one))}`));
  if (!options.details) lines.push("", words.hint);
  return `${lines.join("\n")}\n`;
}

function cell(text: string): string {
  return shownText(text.replaceAll("\n", " ")).replaceAll("|", "\\|");
}

export function renderMarkdown(plan: ExplainedPlan, { vocabulary, details }: RenderOptions): string {
  const { words } = vocabulary;
  const lines = [...plan.notes.flatMap((note) => [note, ""])];
  for (const chapter of chapters) {
    const ops = plan.ops.filter((op) => op.chapter === chapter);
    if (ops.length === 0) continue;
    const { title, meaning } = vocabulary.chapters[chapter];
    if (lines.length > 0 && lines.at(-1) !== "") lines.push("");
    lines.push(
      `## ${title}`,
      "",
      meaning,
      "",
      `| ${words.columns.join(" | ")} |`,
      "| --- | --- | --- | --- | --- | --- |",
    );
    for (const op of ops) {
      const name = details ? `${op.op}: ${vocabulary.ops[op.op]}` : op.op;
      const measured = op.milliseconds === undefined ? "" : durationText(op.milliseconds);
      const time = [measured, resultText(op, vocabulary)].filter((text) => text !== "").join(", ");
      const cause = `${originText(op.origin, vocabulary)} (${vocabulary.phrase(op.setting)})`;
      lines.push(
        `| ${[op.index, name, onText(op, vocabulary), time, cause, vocabulary.phrase(op.inverse)].map(cell).join(" | ")} |`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}

/** A plan and whose it is. */
export interface NamedPlan {
  readonly name: string;
  readonly id: string;
  readonly plan: ExplainedPlan;
}

/** Descriptors are counted anew in each plan, and ids are what they are: neither is a difference. */
const slotNumber = /#\d+/g;

function comparable(op: ExplainedOp, { id }: NamedPlan, vocabulary: Vocabulary): string {
  const text = `${op.op} ${onText(op, vocabulary).replace(slotNumber, "#")}`;
  return shownText(withShortIds(text.replaceAll(id, "ID").replaceAll(id.slice(0, shortIdLength), "ID")));
}

/** What one plan does and the other does not, chapter by chapter; unchanged operations are left out. */
function differences(
  first: NamedPlan,
  second: NamedPlan,
  vocabulary: Vocabulary,
): readonly (readonly [Chapter, readonly string[]])[] {
  return chapters.flatMap((chapter) => {
    const [one = [], other = []] = [first, second].map((named) =>
      named.plan.ops.filter((op) => op.chapter === chapter).map((op) => comparable(op, named, vocabulary)),
    );
    const changed = changesBetween(one, other);
    return changed.length === 0 ? [] : [[chapter, changed] as const];
  });
}

export function renderDifference(first: NamedPlan, second: NamedPlan, vocabulary: Vocabulary): string {
  const { words } = vocabulary;
  const lines = [words.difference(shownText(first.name), shownText(second.name))];
  const changes = differences(first, second, vocabulary);
  for (const [chapter, changed] of changes)
    lines.push("", vocabulary.chapters[chapter].title, ...changed.map((text) => `  ${text}`));
  if (changes.length === 0) lines.push("", words.same);
  return `${lines.join("\n")}\n`;
}

export function renderDifferenceMarkdown(
  first: NamedPlan,
  second: NamedPlan,
  vocabulary: Vocabulary,
): string {
  const { words } = vocabulary;
  const changes = differences(first, second, vocabulary);
  const parts = changes.flatMap(([chapter, changed]) => [
    `## ${vocabulary.chapters[chapter].title}`,
    "",
    "```diff",
    ...changed,
    "```",
    "",
  ]);
  const names = `\`${shownText(first.name)}\`, \`${shownText(second.name)}\``;
  return `${[names, "", ...(changes.length === 0 ? [words.same, ""] : parts)].join("\n")}`;
}

export function differenceJson(first: NamedPlan, second: NamedPlan, vocabulary: Vocabulary): unknown {
  return {
    first: first.name,
    second: second.name,
    changes: differences(first, second, vocabulary).flatMap(([chapter, changed]) =>
      changed.map((text) => ({
        chapter,
        of: text.startsWith("-") ? "first" : "second",
        operation: text.slice(2),
      })),
    ),
  };
}

/** `- gone` and `+ come` lines, by the longest common subsequence. */
function changesBetween(first: readonly string[], second: readonly string[]): string[] {
  const lengths = Array.from({ length: first.length + 1 }, () => new Uint32Array(second.length + 1));
  const at = (row: number, column: number): number => lengths[row]?.[column] ?? 0;
  for (let row = first.length - 1; row >= 0; row -= 1) {
    for (let column = second.length - 1; column >= 0; column -= 1) {
      const longest =
        first[row] === second[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
      const line = lengths[row];
      if (line !== undefined) line[column] = longest;
    }
  }
  const changes: string[] = [];
  let row = 0;
  let column = 0;
  while (row < first.length || column < second.length) {
    if (row < first.length && column < second.length && first[row] === second[column]) {
      row += 1;
      column += 1;
    } else if (
      row < first.length &&
      (column >= second.length || at(row + 1, column) >= at(row, column + 1))
    ) {
      changes.push(`- ${first[row]}`);
      row += 1;
    } else {
      changes.push(`+ ${second[column]}`);
      column += 1;
    }
  }
  return changes;
}
