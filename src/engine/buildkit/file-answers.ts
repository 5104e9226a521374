/** What a Dockerfile wants and offers, as BuildKit's frontend answers `frontend.outline`, `frontend.targets` and which questions there are. Pure. */
import {
  type AskedFile,
  columns,
  type FileAnswer,
  outlineAnswer,
  targetsAnswer,
} from "../../docker/dockerfile/outline-answers.ts";
import type { CheckedFile } from "../build/mod.ts";
import { checkAnswer, lintQuestion } from "./check-answer.ts";

const version = "1.0.0";
const encoder = new TextEncoder();

type Answer = (checked: CheckedFile, asked: AskedFile) => Map<string, Uint8Array>;

const answers: ReadonlyMap<string, { readonly says: string; readonly answer: Answer }> = new Map([
  [lintQuestion, { says: "Lint a Dockerfile", answer: checkAnswer }],
  [
    "frontend.outline",
    {
      says: "List all parameters current build target supports",
      answer: ({ file }, asked) => encoded(outlineAnswer(file, asked)),
    },
  ],
  [
    "frontend.targets",
    {
      says: "List all targets current build supports",
      answer: ({ file }, asked) => encoded(targetsAnswer(file, asked)),
    },
  ],
  ["frontend.subrequests.describe", { says: "List available subrequest types", answer: questionsAnswer }],
] as const);

/** Undefined for a question that is not known. */
export function answerTo(question: string): Answer | undefined {
  return answers.get(question)?.answer;
}

function encoded({ document, text }: FileAnswer): Map<string, Uint8Array> {
  const parts = { "result.json": JSON.stringify(document), "result.txt": text, version };
  return new Map(Object.entries(parts).map(([key, value]) => [key, encoder.encode(value)]));
}

function questionsAnswer(): Map<string, Uint8Array> {
  const document = [...answers].map(([name, { says }]) => ({
    Name: name,
    Version: version,
    Type: "rpc",
    Description: says,
  }));
  const rows = document.map(({ Name, Version, Description }) => [Name, Version, Description]);
  return encoded({ document, text: columns([["NAME", "VERSION", "DESCRIPTION"], ...rows]) });
}
