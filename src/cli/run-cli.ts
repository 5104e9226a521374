/**
 * The command line's front door: global options, dispatch by name, and the one place where errors become text and exit
 * codes. Docker's words and codes, with the program's own name.
 */
import { connectionLost, errnoOf } from "../client/api-error.ts";
import { TiffinError } from "../lib/errors.ts";
import { shownLines } from "../lib/shown-name.ts";
import { nearest } from "../lib/suggestion.ts";
import { chooseEngine } from "./choose-engine.ts";
import type { Command } from "./command.ts";
import { commandGroups, commandTable, findCommand } from "./command-table.ts";
import { CliContext } from "./context.ts";
import { describeError } from "./describe-error.ts";
import { PlainFailure } from "./exit-reports.ts";
import { parseFlags } from "./flags/parse.ts";
import { ArgumentCountError, UsageError } from "./flags/usage-error.ts";
import { globalFlags } from "./global-flags.ts";
import { CallerNeeded, type CliIo } from "./io.ts";

const programName = "tiffin";
const engineFailureExit = 125;

export interface RunOptions {
  /** Commands, by all of their names, that may run here; for others `CallerNeeded` is thrown. */
  readonly only?: (names: readonly string[]) => boolean;
}

/** Runs the command line `words` (without the program's name) and returns its exit code. Throws nothing but `CallerNeeded`. */
export async function runCli(words: readonly string[], io: CliIo, options: RunOptions = {}): Promise<number> {
  const called: Called = { name: programName, command: undefined, debug: false };
  try {
    const code = await perform(words, io, called, options);
    await io.leave?.(code);
    return code;
  } catch (thrown) {
    if (thrown instanceof CallerNeeded) throw thrown;
    return report(io, thrown, called);
  }
}

/** How far the command line is understood. */
interface Called {
  name: string;
  command: Command | undefined;
  /** Failures are told with the operations around them. */
  debug: boolean;
}

async function perform(
  words: readonly string[],
  io: CliIo,
  call: Called,
  { only }: RunOptions,
): Promise<number> {
  const { values, positionals, help } = parseFlags(globalFlags, words, { interspersed: false });
  call.debug = values.debug;
  if (values.version) {
    io.write(1, `Tiffin version ${io.version}\n`);
    return 0;
  }
  const [first = "", second = ""] = positionals;
  if (first === "help") return await showHelp(io, positionals.slice(1));
  if (help || first === "") return await showHelp(io, []);
  const grouped = commandGroups.some((group) => group.name === first);
  if (grouped && (second === "" || second === "--help" || second === "-h" || second === "help")) {
    return await showHelp(io, second === "help" ? positionals.filter((word) => word !== "help") : [first]);
  }
  const nameWords = grouped ? 2 : 1;
  const called = positionals.slice(0, nameWords).join(" ");
  const entry = findCommand(called);
  if (only !== undefined && (entry === undefined || !only(entry.names))) {
    throw new CallerNeeded(`the command ${called}`);
  }
  if (entry === undefined) return unknownCommand(io, grouped ? first : "", called);
  call.name = `${programName} ${called}`;
  call.command = await entry.load();
  io.whenLost?.(...failure(connectionLost(), call));
  const chosen = await chooseEngine(values, io);
  const context = new CliContext(io, call.name, values.host, values.debug, chosen);
  return await call.command.invoke(positionals.slice(nameWords), context);
}

async function showHelp(io: CliIo, topic: readonly string[]): Promise<number> {
  const { help } = await import("./help.ts");
  return help(io, topic);
}

function unknownCommand(io: CliIo, group: string, called: string): number {
  const near = nearestCommand(group, called);
  const meant = near === undefined ? "" : `Did you mean '${programName} ${near}'?\n\n`;
  const usage = group === "" ? "" : `Usage:  ${programName} ${group}\n\n`;
  const page = group === "" ? programName : `${programName} ${group}`;
  io.write(
    2,
    `${programName}: unknown command: ${programName} ${called}\n\n${meant}${usage}Run '${page} --help' for more information\n`,
  );
  return 1;
}

/** Of those in the same group; programs beside the commands (`lab`, `daemon`) count too. */
function nearestCommand(group: string, called: string): string | undefined {
  const names = commandTable.flatMap((entry) => entry.names);
  if (group === "") {
    const others = [...commandGroups.map(({ name }) => name), "daemon", "help", "lab"];
    return nearest(called, [...names.filter((name) => !name.includes(" ")), ...others]);
  }
  const start = `${group} `;
  const members = names.filter((name) => name.startsWith(start)).map((name) => name.slice(start.length));
  const near = nearest(called.slice(start.length), members);
  return near === undefined ? undefined : `${start}${near}`;
}

function usageOf(name: string, command: Command | undefined): string {
  return `Usage:  ${name} ${command?.usage ?? "[OPTIONS] COMMAND [ARG...]"}\n\n`;
}

/** Prints `thrown` and returns the exit code. */
function report(io: CliIo, thrown: unknown, called: Called): number {
  const [text, exitCode] = failure(thrown, called);
  try {
    io.write(2, text);
  } catch {
    // Standard error is gone too; the exit code is all that is left to say.
  }
  return exitCode;
}

function failure(thrown: unknown, { name, command, debug }: Called): readonly [string, number] {
  if (thrown instanceof UsageError) {
    const text = `${shownLines(thrown.message)}\n\n${usageOf(name, command)}Run '${name} --help' for more information\n`;
    return [text, engineFailureExit];
  }
  if (thrown instanceof ArgumentCountError) {
    const text = `${programName}: ${shownLines(thrown.message)}\n\n${usageOf(name, command)}${thrown.pointer} '${name} --help' for more information\n`;
    return [text, 1];
  }
  if (thrown instanceof PlainFailure) return [`${shownLines(thrown.message)}\n`, thrown.exitCode];
  if (errnoOf(thrown) === "EPIPE") return ["write /dev/stdout: broken pipe\n", 1];
  const proposed = thrown instanceof TiffinError ? thrown.exitCode : undefined;
  const asked = command?.standsForProcess === true ? proposed : undefined;
  const text = describeError(thrown, debug);
  if (command?.errorsLikeRun === true) {
    return [
      `${programName}: ${text}\n\nRun '${name} --help' for more information\n`,
      asked ?? engineFailureExit,
    ];
  }
  return [`${text}\n`, asked ?? 1];
}
