/** The pages of --help, and the reference page made of them. */
import { kindOutlines, labSummary, type Noun, nouns, options, undoOutline } from "./outline.ts";

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`);
}

function optionLines(): string[] {
  return columns(
    options.map(({ name, value, summary }) => [
      `--${name}${value === undefined ? "" : ` ${value}`}`,
      summary,
    ]),
  );
}

export function usageOf(noun: string, verb: string, usage: string): string {
  return `tiffin lab ${noun} ${verb}${usage === "" ? "" : ` ${usage}`}`;
}

function nounLines(noun: Noun): string[] {
  return Object.entries(noun.verbs).flatMap(([verb, { usage, summary }]) => [
    `  ${usageOf(noun.name, verb, usage)}`,
    `      ${summary}`,
  ]);
}

function kindLines(): string[] {
  return columns(
    kindOutlines.map(({ name, settings, summary }) => [
      `type ${name}${settings === "" ? "" : ` ${settings}`}`,
      summary,
    ]),
  );
}

/** The page of a noun; the page of the bench without one. */
export function helpText(topic: string | undefined): string {
  const noun = nouns.find(({ name }) => name === topic);
  if (noun !== undefined) {
    const kinds = noun.name === "link" ? ["", "Kinds:", ...kindLines()] : [];
    return ["Usage:", ...nounLines(noun), ...kinds, "", "Options:", ...optionLines(), ""].join("\n");
  }
  return [
    "Usage:  tiffin lab [OPTIONS] COMMAND",
    "",
    `${labSummary}, without an engine`,
    "",
    "Commands:",
    ...columns([
      ...nouns.map(
        ({ name, verbs, summary }) => [`${name} ${Object.keys(verbs).join("|")}`, summary] as const,
      ),
      [undoOutline.name, undoOutline.summary],
    ]),
    "",
    "Options:",
    ...optionLines(),
    "",
    "Run 'tiffin lab COMMAND --help' for more information on a command.",
    "",
  ].join("\n");
}
