/** What a Dockerfile wants and offers, as BuildKit's frontend answers `frontend.outline`, `frontend.targets` and which questions there are. Pure. */
import type { Lookup } from "../../docker/dockerfile/expand.ts";
import {
  type OutlinedArgument,
  type OutlinedMount,
  outlineOf,
  type PlacedName,
  targetsOf,
} from "../../docker/dockerfile/outline.ts";
import type { CheckedFile } from "../build/mod.ts";
import { checkAnswer, lintQuestion } from "./check-answer.ts";

const version = "1.0.0";
const encoder = new TextEncoder();
const predefined: Lookup = () => undefined;

interface Asked {
  readonly target: string;
  readonly arguments: Lookup;
}

type Answer = (checked: CheckedFile, asked: Asked) => Map<string, Uint8Array>;

const answers: ReadonlyMap<string, { readonly says: string; readonly answer: Answer }> = new Map([
  [lintQuestion, { says: "Lint a Dockerfile", answer: checkAnswer }],
  ["frontend.outline", { says: "List all parameters current build target supports", answer: outlineAnswer }],
  ["frontend.targets", { says: "List all targets current build supports", answer: targetsAnswer }],
  ["frontend.subrequests.describe", { says: "List available subrequest types", answer: questionsAnswer }],
]);

/** Undefined for a question that is not known. */
export function answerTo(question: string): Answer | undefined {
  return answers.get(question)?.answer;
}

function answerOf(document: object, text: string): Map<string, Uint8Array> {
  const parts = { "result.json": JSON.stringify(document), "result.txt": text, version };
  return new Map(Object.entries(parts).map(([key, value]) => [key, encoder.encode(value)]));
}

function outlineAnswer({ file, lines }: CheckedFile, asked: Asked): Map<string, Uint8Array> {
  const outline = outlineOf(file, { ...asked, predefined });
  const { name, description, secrets, agents, caches } = outline;
  const document = {
    ...said({ name, description }),
    ...some("args", outline.arguments.map(argumentDocument)),
    ...some("secrets", secrets.map(mountDocument)),
    ...some("ssh", agents.map(mountDocument)),
    ...some(
      "cache",
      caches.map((cache) => ({ ID: cache.name, location: locationOf(cache) })),
    ),
    sources: [Buffer.from(lines.join("\n")).toString("base64")],
  };
  const head = [
    ["TARGET:", name || "(default)"],
    ...(description === "" ? [] : [["DESCRIPTION:", description]]),
  ];
  const mounts = (title: string, all: readonly OutlinedMount[]): string[][] =>
    all.length === 0
      ? []
      : [[title, "REQUIRED"], ...all.map((one) => [one.name, one.required ? "true" : ""])];
  const values = outline.arguments.map((one) => [one.name, one.value ?? "", one.description]);
  const text = [
    name === "" && description === "" ? "" : columns(head, 1),
    values.length === 0 ? "" : columns([["BUILD ARG", "VALUE", "DESCRIPTION"], ...values]),
    columns(mounts("SECRET", secrets)),
    columns(mounts("SSH", agents)),
  ];
  return answerOf(document, text.filter((part) => part !== "").join("\n"));
}

function targetsAnswer({ file, lines }: CheckedFile, asked: Asked): Map<string, Uint8Array> {
  const targets = targetsOf(file, { ...asked, predefined });
  const document = {
    targets: targets.map(({ name, isDefault, description, base, platform = "", ...place }) => ({
      ...said({ name, description, base, platform }),
      ...(isDefault && { default: true }),
      location: locationOf({ name, ...place }),
    })),
    sources: [Buffer.from(lines.join("\n")).toString("base64")],
  };
  const shown = targets.map(({ name, isDefault, description }) => [
    [name, ...(isDefault ? ["(default)"] : [])].filter((word) => word !== "").join(" "),
    description,
  ]);
  return answerOf(document, columns([["TARGET", "DESCRIPTION"], ...shown]));
}

function questionsAnswer(): Map<string, Uint8Array> {
  const known = [...answers].map(([name, { says }]) => ({
    Name: name,
    Version: version,
    Type: "rpc",
    Description: says,
  }));
  const rows = known.map(({ Name, Version, Description }) => [Name, Version, Description]);
  return answerOf(known, columns([["NAME", "VERSION", "DESCRIPTION"], ...rows]));
}

function argumentDocument(argument: OutlinedArgument): object {
  const { name, description, value = "" } = argument;
  return { name, ...said({ description, value }), location: locationOf(argument) };
}

function mountDocument(mount: OutlinedMount): object {
  return { name: mount.name, ...(mount.required && { required: true }), location: locationOf(mount) };
}

function locationOf({ firstLine, lastLine }: PlacedName): object {
  return { ranges: [{ start: { line: firstLine }, end: { line: lastLine } }] };
}

/** What is empty is not said. */
function said(words: Readonly<Record<string, string>>): object {
  return Object.fromEntries(Object.entries(words).filter(([, value]) => value !== ""));
}

function some(key: string, all: readonly object[]): object {
  return all.length === 0 ? {} : { [key]: all };
}

/** Rows of words below each other. */
function columns(rows: readonly (readonly string[])[], gap = 3): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? "").length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd((widths[at] ?? 0) + gap))).join("");
  return rows.map((row) => `${line(row)}\n`).join("");
}
