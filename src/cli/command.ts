/**
 * What a command is: its names, its options as a table, and what it does. `defineCommand` ties the types of the options to
 * the function that receives them; everything else (help, completion, dispatch) sees only the `Command`.
 */
import type { CliContext } from "./context.ts";
import type { FlagTable, Values } from "./flags/flag.ts";
import { defaultHelpWidth, renderFlags } from "./flags/help-page.ts";
import { parseFlags } from "./flags/parse.ts";
import { ArgumentCountError } from "./flags/usage-error.ts";

export interface Invocation<F extends FlagTable> {
  readonly values: Values<F>;
  readonly given: ReadonlySet<keyof F & string>;
  readonly positionals: readonly string[];
  readonly context: CliContext;
}

interface Description<F extends FlagTable> {
  /** Full names without the program's, the shortest last: `["container run", "run"]`. */
  readonly names: readonly [string, ...string[]];
  /** What follows the name in the usage line. */
  readonly usage: string;
  readonly summary: string;
  /** What the help page says beyond the summary. */
  readonly details?: string;
  readonly flags: F;
  /** How many arguments; `most` undefined is no limit. */
  readonly least: number;
  readonly most?: number;
  /** False: the first argument ends the options, as everything after it belongs to the container. Default true. */
  readonly interspersed?: boolean;
  /** Errors are printed as `run` prints them: with the program's name, a pointer to the help, and exit code 125. */
  readonly errorsLikeRun?: boolean;
  /** The exit code of a failure is the one that the engine proposes (126, 127), as it stands for a process; else 1. */
  readonly standsForProcess?: boolean;
  run(invocation: Invocation<F>): Promise<number>;
}

export interface Command {
  readonly names: readonly [string, ...string[]];
  readonly usage: string;
  readonly summary: string;
  readonly details: string | undefined;
  readonly flags: FlagTable;
  readonly errorsLikeRun: boolean;
  readonly standsForProcess: boolean;
  /** Parses and runs. Returns the exit code; throws what the dispatcher prints. */
  invoke(args: readonly string[], context: CliContext): Promise<number>;
}

function plural(count: number): string {
  return count === 1 ? "1 argument" : `${count} arguments`;
}

function checkCount(name: string, least: number, most: number | undefined, count: number): void {
  if (count >= least && (most === undefined || count <= most)) return;
  const subject = `'${name}'`;
  if (most === 0) throw new ArgumentCountError(`${subject} accepts no arguments`, "Run");
  if (least === most) throw new ArgumentCountError(`${subject} requires ${plural(least)}`, "See");
  if (count < least) throw new ArgumentCountError(`${subject} requires at least ${plural(least)}`, "See");
  throw new ArgumentCountError(`${subject} requires at most ${plural(most ?? 0)}`, "See");
}

/** Builds a command from its description. */
export function defineCommand<const F extends FlagTable>(description: Description<F>): Command {
  const { names, usage, summary, flags, least, most } = description;
  return {
    names,
    usage,
    summary,
    details: description.details,
    flags,
    errorsLikeRun: description.errorsLikeRun ?? false,
    standsForProcess: description.standsForProcess ?? false,
    async invoke(args, context) {
      const parsed = parseFlags(flags, args, { interspersed: description.interspersed ?? true });
      if (parsed.help) {
        const width = context.io.windowSize(1)?.columns ?? defaultHelpWidth;
        context.io.write(1, helpPage(this, context.commandName, width));
        return 0;
      }
      checkCount(context.commandName, least, most, parsed.positionals.length);
      return description.run({ ...parsed, context });
    },
  };
}

/** The page of `tiffin COMMAND --help`. `name` is the command as it was called. */
export function helpPage(command: Command, name: string, width: number): string {
  let page = `Usage:  ${name} ${command.usage}\n\n${command.summary}\n`;
  if (command.details !== undefined) page += `\n${command.details}\n`;
  if (command.names.length > 1) {
    page += `\nAliases:\n  ${command.names.map((one) => `tiffin ${one}`).join(", ")}\n`;
  }
  if (Object.values(command.flags).some((flag) => !flag.hidden)) {
    page += `\nOptions:\n${renderFlags(command.flags, width)}`;
  }
  return page;
}
