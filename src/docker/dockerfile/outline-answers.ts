/** What a Dockerfile wants and offers, as documents and in columns for people: what `--call` answers. Pure. */
import type { Lookup } from "./expand.ts";
import {
  type OutlinedArgument,
  type OutlinedMount,
  outlineOf,
  type PlacedName,
  targetsOf,
} from "./outline.ts";
import type { Dockerfile } from "./parse-dockerfile.ts";

export interface AskedFile {
  /** Empty is the last stage. */
  readonly target: string;
  readonly arguments: Lookup;
}

export interface FileAnswer {
  readonly document: object;
  readonly text: string;
}

const predefined: Lookup = () => undefined;

/** Throws `DockerfileError`. */
export function outlineAnswer(file: Dockerfile, asked: AskedFile): FileAnswer {
  const { lines } = file;
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
  return { document, text: text.filter((part) => part !== "").join("\n") };
}

/** Throws `DockerfileError`. */
export function targetsAnswer(file: Dockerfile, asked: AskedFile): FileAnswer {
  const { lines } = file;
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
  return { document, text: columns([["TARGET", "DESCRIPTION"], ...shown]) };
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
export function columns(rows: readonly (readonly string[])[], gap = 3): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? "").length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd((widths[at] ?? 0) + gap))).join("");
  return rows.map((row) => `${line(row)}\n`).join("");
}
