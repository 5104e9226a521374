/** `tiffin explain`: every kernel operation of a container's start, who asked for it, how long it took. */
import { type ExplainLanguage, explainFormats, explainLanguages } from "../../docker/types/explain.ts";
import { own } from "../../lib/own.ts";
import { defineCommand } from "../command.ts";
import { cleanName } from "../each-container.ts";
import { custom, toggle } from "../flags/flag.ts";
import { ArgumentCountError } from "../flags/usage-error.ts";

const olderNames = ["table", "shell"];
const shownFormats = explainFormats.filter((format) => !olderNames.includes(format));

function oneOf(
  words: readonly string[],
  shown: readonly string[],
): (before: string, value: string) => string {
  return (_before, value) => {
    if (words.includes(value)) return value;
    throw new Error(`must be one of ${shown.join(", ")}`);
  };
}

/** locale(7): the first of these that is set counts. */
const localeVariables = ["LC_ALL", "LC_MESSAGES", "LANG"];

export function languageOfLocale(env: Readonly<Record<string, string | undefined>>): ExplainLanguage {
  const locale = localeVariables.map((name) => own(env, name) ?? "").find((value) => value !== "") ?? "";
  return explainLanguages.find((language) => locale.toLowerCase().startsWith(language)) ?? "en";
}

export const command = defineCommand({
  names: ["container explain", "explain"],
  usage: "[OPTIONS] CONTAINER",
  summary: "Show every kernel operation that starts a container",
  details: `Each operation is shown with what it acts on, how long it took in the last start, and who asked for it: an
option of run, a field of the image, or nobody (default). With --diff and two containers: what one start does and
the other does not.`,
  flags: {
    details: toggle("", "Also say what each operation is for, who performs it, and what undoes it"),
    diff: toggle("", "Compare the starts of two containers"),
    format: custom(
      "f",
      "string",
      `How to print: ${shownFormats.join(", ")}`,
      "text",
      oneOf(explainFormats, shownFormats),
      { shownDefault: '"text"' },
    ),
    lang: custom(
      "",
      "string",
      `Language: ${explainLanguages.join(", ")} (default by the locale)`,
      "",
      oneOf(explainLanguages, explainLanguages),
    ),
  },
  least: 1,
  most: 2,
  async run({ values, positionals, context }) {
    const [name = "", other] = positionals;
    if (values.diff !== (other !== undefined)) {
      const wanted = values.diff ? "--diff requires two containers" : "requires 1 argument";
      throw new ArgumentCountError(`'${context.commandName}' ${wanted}`, "See");
    }
    const api = await context.api();
    const { Text } = await api.document("explain", {
      params: { name: cleanName(name) },
      query: {
        format: values.format,
        lang: values.lang === "" ? languageOfLocale(context.io.env) : values.lang,
        details: values.details || undefined,
        against: other === undefined ? undefined : cleanName(other),
      },
    });
    context.out(Text.endsWith("\n") ? Text : `${Text}\n`);
    return 0;
  },
});
