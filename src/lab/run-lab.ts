/** The bench's command line: options, a noun, a verb, its words; and the one place where its errors become text. */
import { messageOf, TiffinError } from "../lib/errors.ts";
import { own } from "../lib/own.ts";
import { parseArguments, WordReader } from "./arguments.ts";
import { listed, misuse } from "./lab-error.ts";
import type { LabHost } from "./lab-host.ts";
import { type Noun, nouns, undoOutline } from "./outline.ts";
import { Session } from "./session.ts";
import { type Run, rooms } from "./verbs.ts";

const failureExit = 1;

/** Runs one command, without the words `tiffin lab`, and returns the exit code. Never throws. */
export async function runLab(input: readonly string[], host: LabHost): Promise<number> {
  try {
    const { words, values } = parseArguments(input);
    const [first, second] = words;
    if (first === undefined || first === "help" || values.has("help")) {
      const topic = first === "help" ? second : first;
      if (topic !== undefined && topic !== undoOutline.name) nounOf(topic);
      host.print(1, (await import("./help.ts")).helpText(topic));
      return 0;
    }
    const { run, reader } = await commandOf(words);
    using session = new Session(host, values);
    const code = run(session, reader);
    return typeof code === "number" ? code : 0;
  } catch (thrown) {
    const remedy =
      thrown instanceof TiffinError && thrown.remedy !== undefined ? `\n  (${thrown.remedy})` : "";
    host.print(2, `tiffin lab: ${messageOf(thrown)}${remedy}\n`);
    return (thrown instanceof TiffinError ? thrown.exitCode : undefined) ?? failureExit;
  }
}

function nounOf(name: string): (typeof nouns)[number] {
  const noun = nouns.find((one) => one.name === name);
  if (noun !== undefined) return noun;
  const all = [...nouns.map((one) => one.name), undoOutline.name];
  throw misuse(`there is no command ${JSON.stringify(name)}; there are ${listed(all)}`);
}

async function commandOf(words: readonly string[]): Promise<{ run: Run; reader: WordReader }> {
  const [first = "", second] = words;
  if (first === undoOutline.name) {
    const { undo } = await import("./commands/undo.ts");
    return { run: undo, reader: new WordReader(words.slice(1), "tiffin lab undo") };
  }
  const noun: Noun & { readonly name: keyof typeof rooms } = nounOf(first);
  const verb = second === undefined ? undefined : own(noun.verbs, second);
  if (second === undefined || verb === undefined) {
    const found = second === undefined ? "nothing" : JSON.stringify(second);
    throw misuse(
      `found ${found} after ${JSON.stringify(first)}, wanted one of ${listed(Object.keys(noun.verbs))}`,
    );
  }
  const room: Readonly<Record<string, Run>> = await rooms[noun.name]();
  const run = own(room, second);
  if (run === undefined) throw misuse(`there is no command ${JSON.stringify(`${first} ${second}`)}`);
  const usage = verb.usage === "" ? "" : ` ${verb.usage}`;
  return { run, reader: new WordReader(words.slice(2), `tiffin lab ${first} ${second}${usage}`) };
}
