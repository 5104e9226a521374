/** What the checks of a Dockerfile found, as BuildKit's frontend answers the question `frontend.lint`. Pure. */
import { pageOf } from "../../docker/dockerfile/check-rules.ts";
import type { CheckedFile } from "../build/mod.ts";

/** The question, as clients ask it (`docker build --check`). */
export const lintQuestion = "frontend.lint";

const version = "1.0.0";
const encoder = new TextEncoder();

export function checkAnswer({ warnings, lines, name }: CheckedFile): Map<string, Uint8Array> {
  const document = {
    warnings: warnings.map(({ rule, text, firstLine, lastLine }) => ({
      ruleName: rule,
      url: pageOf(rule),
      detail: text,
      location: { sourceIndex: 0, ranges: [{ start: { line: firstLine }, end: { line: lastLine } }] },
    })),
    sources: [
      { filename: name, language: "Dockerfile", data: Buffer.from(lines.join("\n")).toString("base64") },
    ],
  };
  const text = warnings.map(({ rule, text: said, firstLine }) => `${name}:${firstLine}: ${rule}: ${said}\n`);
  const answers: readonly (readonly [string, string])[] = [
    ["result.json", JSON.stringify(document)],
    ["result.txt", text.join("")],
    ["result.statuscode", warnings.length === 0 ? "0" : "1"],
    ["version", version],
  ];
  return new Map(answers.map(([key, value]) => [key, encoder.encode(value)]));
}
