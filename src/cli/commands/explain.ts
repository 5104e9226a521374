/** `tiffin explain`: every kernel operation of a container's start, who asked for it, how long it took. */
import { type ExplainLanguage, explainFormats, explainLanguages } from "../../docker/types/explain.ts";
import { own } from "../../lib/own.ts";
import { defineCommand, type Invocation } from "../command.ts";
import { createBody } from "../container-config/create-body.ts";
import { cleanName } from "../each-container.ts";
import { custom, toggle } from "../flags/flag.ts";
import { parseFlags } from "../flags/parse.ts";
import { ArgumentCountError } from "../flags/usage-error.ts";
import { runFlags } from "./run.ts";

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

const flags = {
  details: toggle("", "Also say what each operation is for, who performs it, and what undoes it"),
  diff: toggle("", "Compare the starts of two containers; with run, of what would run and a container"),
  format: custom(
    "f",
    "string",
    `How to print: ${shownFormats.join(", ")}`,
    "text",
    oneOf(explainFormats, shownFormats),
    { shownDefault: '"text"' },
  ),
  "show-secrets": toggle("", "Write out values of environment variables and where secrets are mounted from"),
  lang: custom(
    "",
    "string",
    `Language: ${explainLanguages.join(", ")} (default by the locale)`,
    "",
    oneOf(explainLanguages, explainLanguages),
  ),
};

type ExplainInvocation = Pick<Invocation<typeof flags>, "values" | "context">;

function queryOf({ values, context }: ExplainInvocation, against: string | undefined) {
  return {
    format: values.format,
    lang: values.lang === "" ? languageOfLocale(context.io.env) : values.lang,
    details: values.details || undefined,
    secrets: values["show-secrets"] || undefined,
    against: against === undefined ? undefined : cleanName(against),
  };
}

/** The words after `run` are those of `run`; nothing of it is made. */
async function explainRun(invocation: ExplainInvocation, args: readonly string[]): Promise<string> {
  const { values, context } = invocation;
  const { values: wanted, given, positionals } = parseFlags(runFlags, args, { interspersed: false });
  let against: string | undefined;
  let words = positionals;
  if (values.diff) [against, ...words] = positionals;
  const [image, ...command] = words;
  if (image === undefined) {
    const usage = values.diff ? "a container and an image" : "an image";
    throw new ArgumentCountError(`'${context.commandName} run' requires ${usage}`, "See");
  }
  const body = createBody(
    { given, values: wanted, image, command, detached: wanted.detach, consoleSize: undefined },
    context.io,
  );
  const api = await context.api();
  const { Text } = await api.document("explainRun", { query: queryOf(invocation, against), body });
  return Text;
}

async function explainContainer(invocation: ExplainInvocation, names: readonly string[]): Promise<string> {
  const { values, context } = invocation;
  const [name = "", other, ...more] = names;
  if (values.diff !== (other !== undefined) || more.length > 0) {
    const wanted = values.diff ? "--diff requires two containers" : "requires 1 argument";
    throw new ArgumentCountError(`'${context.commandName}' ${wanted}`, "See");
  }
  const api = await context.api();
  const query = queryOf(invocation, other);
  return (await api.document("explain", { params: { name: cleanName(name) }, query })).Text;
}

export const command = defineCommand({
  names: ["container explain", "explain"],
  usage: "[OPTIONS] CONTAINER|run [RUN OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Show every kernel operation that starts a container",
  details: `Each operation is shown with what it acts on, how long it took in the last start, and who asked for it: an
option of run, a field of the image, or nobody (default). After "run" come the options and words of run: what would be
done is shown, and nothing is made. With --diff and two containers: what one start does and the other does not.`,
  flags,
  least: 1,
  interspersed: false,
  async run({ values, positionals, context }) {
    const [first = "", ...rest] = positionals;
    // A container that is called run is still there by its name alone.
    if (first === "run" && rest.length > 0) {
      context.out(withNewline(await explainRun({ values, context }, rest)));
      return 0;
    }
    // Options may stand after the container, too.
    const later = parseFlags(flags, positionals, { interspersed: true });
    const all = { ...values };
    for (const key of later.given) Object.assign(all, { [key]: later.values[key] });
    context.out(withNewline(await explainContainer({ values: all, context }, later.positionals)));
    return 0;
  },
});

function withNewline(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
