/** What a command is: a row of the table, and a function in a module that is loaded only when it is called. */
import type { FlagRow, Flags } from "./flags.ts";
import type { GlobalOptions } from "./global-options.ts";
import type { RuntimeHost } from "./host/host.ts";

export interface CommandContext extends GlobalOptions {
  readonly host: RuntimeHost;
  readonly flags: Flags;
  /** The words that are no flags. */
  readonly words: readonly string[];
}

export interface CommandRow {
  readonly usage: string;
  readonly doc: string;
  readonly flags: readonly FlagRow[];
  /** How many words it takes. */
  readonly words: readonly [least: number, most: number];
  /** The words are a program with flags of its own. */
  readonly stopAtWord?: boolean;
  /** A resident helper may do it for the caller. */
  readonly resident?: boolean;
  /**
   * Leaves a helper behind when there is none. Not `create` and `exec`: conmon calls those, is given our orphans, and
   * waits for the last of them before it cleans up.
   */
  readonly leavesHelper?: boolean;
  /** What the program exits with when the command itself fails; 1 when absent. */
  readonly failureCode?: number;
  /** Returns the exit code. */
  readonly run: () => Promise<(context: CommandContext) => Promise<number> | number>;
}

/** The container's id: the first word. */
export function idOf({ words }: CommandContext): string {
  return words[0] ?? "";
}
