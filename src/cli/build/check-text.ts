/** What the checks of a Dockerfile found, as Docker's client tells it. Pure. */

import { pageOf } from "../../docker/dockerfile/check-rules.ts";
import type { CheckWarning } from "../../docker/dockerfile/check-warning.ts";

const line = "-".repeat(20);
const around = 2;

export function checkText(
  warnings: readonly CheckWarning[],
  file: { readonly name: string; readonly lines: readonly string[] },
): string {
  if (warnings.length === 0) return "Check complete, no warnings found.\n";
  const found = warnings.length === 1 ? "1 warning has" : `${warnings.length} warnings have`;
  const parts = warnings.map(
    (warning) =>
      `\nWARNING: ${warning.rule} - ${pageOf(warning.rule)}\n${warning.text}\n` +
      `${file.name}:${warning.firstLine}\n${line}\n${excerpt(warning, file.lines)}${line}\n`,
  );
  return `Check complete, ${found} been found!\n${parts.join("")}`;
}

/** A line for each, as they stand at the end of a build; nothing without any. */
export function warningsText(warnings: readonly CheckWarning[]): string {
  if (warnings.length === 0) return "";
  const found = warnings.length === 1 ? "1 warning" : `${warnings.length} warnings`;
  const told = warnings.map(({ rule, text, firstLine }) => ` - ${rule}: ${text} (line ${firstLine})\n`);
  return `\n ${found} found (use --check to expand):\n${told.join("")}`;
}

function excerpt({ firstLine, lastLine }: CheckWarning, lines: readonly string[]): string {
  const from = Math.max(1, firstLine - around);
  const to = Math.min(lines.length, lastLine + around);
  return lines
    .slice(from - 1, to)
    .map((text, index) => {
      const number = from + index;
      const mark = number >= firstLine && number <= lastLine ? ">>>" : "   ";
      return `${String(number).padStart(4)} | ${mark} ${text}\n`;
    })
    .join("");
}
