/** `tiffin explain`: every kernel operation of a container's start, who asked for it, how long it took. */
import { type ExplainStart, explainFormats } from "../../docker/types/explain.ts";
import { own } from "../../lib/own.ts";
import { defineCommand, type Invocation } from "../command.ts";
import { createBody } from "../container-config/create-body.ts";
import { cleanName } from "../each-container.ts";
import { custom, toggle } from "../flags/flag.ts";
import { parseFlags } from "../flags/parse.ts";
import { ArgumentCountError } from "../flags/usage-error.ts";
import { chosenLanguage, languageFlag } from "../language.ts";
import { execBody, execFlags } from "./exec.ts";
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

const flags = {
  details: toggle("", "Also say what each operation is for, who performs it, and what undoes it"),
  diff: toggle("", "Compare two starts: of containers, or of quoted 'run ...' lines"),
  format: custom(
    "f",
    "string",
    `How to print: ${shownFormats.join(", ")}`,
    "text",
    oneOf(explainFormats, shownFormats),
    { shownDefault: '"text"' },
  ),
  "show-secrets": toggle("", "Write out values of environment variables and where secrets are mounted from"),
  lang: languageFlag,
};

type ExplainInvocation = Pick<Invocation<typeof flags>, "values" | "context">;

function queryOf({ values, context }: ExplainInvocation, against: string | undefined) {
  return {
    format: values.format,
    lang: chosenLanguage(values.lang, context.io.env),
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

/** The words after `exec` are those of `exec`. */
async function explainExec(invocation: ExplainInvocation, args: readonly string[]): Promise<string> {
  const { context } = invocation;
  refuseDifference(invocation, "exec");
  const { values, positionals } = parseFlags(execFlags, args, { interspersed: false });
  const [name = "", ...command] = positionals;
  if (command.length === 0) {
    throw new ArgumentCountError(`'${context.commandName} exec' requires a container and a command`, "See");
  }
  const body = execBody({ values, positionals, context });
  const api = await context.api();
  const request = { params: { name: cleanName(name) }, query: queryOf(invocation, undefined), body };
  return (await api.document("explainExec", request)).Text;
}

const removalFlags = {
  force: toggle("f", "Of a container that may run"),
  volumes: toggle("v", "With its anonymous volumes"),
  link: toggle("l", "", false, { hidden: true }),
};

async function explainRemoval(invocation: ExplainInvocation, args: readonly string[]): Promise<string> {
  const { context } = invocation;
  refuseDifference(invocation, "rm");
  const { values, positionals } = parseFlags(removalFlags, args, { interspersed: true });
  const [name = "", ...more] = positionals;
  if (more.length > 0)
    throw new ArgumentCountError(`'${context.commandName} rm' requires 1 container`, "See");
  const api = await context.api();
  const { against: _none, ...query } = queryOf(invocation, undefined);
  const wanted = { ...query, force: values.force || undefined, v: values.volumes || undefined };
  return (await api.document("explainRemove", { params: { name: cleanName(name) }, query: wanted })).Text;
}

async function explainNetwork(invocation: ExplainInvocation, args: readonly string[]): Promise<string> {
  const { context } = invocation;
  refuseDifference(invocation, "network");
  const [name = "", ...more] = args;
  if (more.length > 0)
    throw new ArgumentCountError(`'${context.commandName} network' requires 1 network`, "See");
  const api = await context.api();
  const { against: _none, ...query } = queryOf(invocation, undefined);
  return (await api.document("explainNetwork", { params: { id: name }, query })).Text;
}

function refuseDifference({ values, context }: ExplainInvocation, what: string): void {
  if (values.diff) throw new Error(`--diff compares starts: '${context.commandName} ${what}' has none`);
}

const parts: Readonly<
  Record<string, (invocation: ExplainInvocation, args: readonly string[]) => Promise<string>>
> = {
  run: explainRun,
  exec: explainExec,
  rm: explainRemoval,
  network: explainNetwork,
};

/** A word that begins with "run " is the command line of one. */
const quotedRun = /^run\s/;

/** Words as a shell splits them; of what a shell does besides only quotes and backslashes. */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  const part = /(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/gs;
  const rest = line.replaceAll(part, (word) => {
    words.push(
      word.replaceAll(/\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/gs, (_all, escaped, double, single) =>
        String(escaped ?? single ?? String(double ?? "").replaceAll(/\\(["\\$`])/g, "$1")),
      ),
    );
    return "";
  });
  if (rest.trim() !== "") throw new Error(`a quote of ${JSON.stringify(line)} has no end`);
  return words;
}

/** A container by its name, or what a command line would start. */
function startOf({ context }: ExplainInvocation, word: string): ExplainStart {
  if (!quotedRun.test(word)) return { Container: cleanName(word) };
  const [, ...args] = shellWords(word);
  const { values, given, positionals } = parseFlags(runFlags, args, { interspersed: false });
  const [image, ...command] = positionals;
  if (image === undefined)
    throw new ArgumentCountError(`'${context.commandName} run' requires an image`, "See");
  const wanted = { given, values, image, command, detached: values.detach, consoleSize: undefined };
  return { Name: word.replaceAll(/\s+/g, " ").trim(), Create: createBody(wanted, context.io) };
}

async function explainLines(invocation: ExplainInvocation, first: string, second: string): Promise<string> {
  const body = { First: startOf(invocation, first), Second: startOf(invocation, second) };
  const api = await invocation.context.api();
  const { against: _none, ...query } = queryOf(invocation, undefined);
  return (await api.document("explainDifference", { query, body })).Text;
}

async function explainContainer(invocation: ExplainInvocation, names: readonly string[]): Promise<string> {
  const { values, context } = invocation;
  const [name = "", other, ...more] = names;
  if (
    values.diff &&
    other !== undefined &&
    more.length === 0 &&
    [name, other].some((one) => quotedRun.test(one))
  ) {
    return await explainLines(invocation, name, other);
  }
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
  usage:
    "[OPTIONS] CONTAINER|run [RUN OPTIONS] IMAGE [COMMAND] [ARG...]|exec [EXEC OPTIONS] CONTAINER COMMAND [ARG...]|rm [-f] [-v] CONTAINER|network NETWORK",
  summary: "Show every kernel operation of a start, an exec, a removal or a network",
  details: `Each operation is shown with what it acts on, how long it took in the last start, and who asked for it: an
option of run, a field of the image, or nobody (default). After "run" come the options and words of run: what would be
done is shown, and nothing is made. After "exec" come those of exec; after "rm" a container, and what its removal would
undo is shown; after "network" a network, and what makes it. A container of such a name is meant by its name alone.

With --diff and two containers: what one start does and the other does not. In the place of a container may stand the
options, image and command of a run as one word: --diff "run -m 64m base" "run base".

--format sh prints a script of standard tools that does the same by hand and takes it back. Values of environment
variables and where secrets are mounted from are *** in all formats, unless --show-secrets is given, and so are words
of the command that hold such a value; the script takes them from its own environment. PATH, HOME, HOSTNAME, TERM, USER, SHELL, PWD, TZ, LANG and LC_* are no secrets.`,
  flags,
  least: 1,
  interspersed: false,
  async run({ values, positionals, context }) {
    const [first = "", ...rest] = positionals;
    // A container that is called like one of these is still there by its name alone.
    const part = rest.length > 0 ? own(parts, first) : undefined;
    if (part !== undefined) {
      context.out(withNewline(await part({ values, context }, rest)));
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
