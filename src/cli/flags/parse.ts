/**
 * Docker's (that is pflag's) command line grammar: `--name value`, `--name=value`, `-n value`, `-nvalue`, `-n=value`, bundles of
 * short switches such as `-it`, and `--` as the end of options. With `interspersed` false the first argument that is no option ends
 * them, so that `run IMAGE ls -l` hands `-l` to the container.
 */
import { messageOf } from "../../lib/errors.ts";
import { nearest } from "../../lib/suggestion.ts";
import type { Flag, FlagTable, Values } from "./flag.ts";
import { UsageError } from "./usage-error.ts";

export interface Parsed<F extends FlagTable> {
  readonly values: Values<F>;
  readonly positionals: readonly string[];
  /** Names that were given, whatever their value. */
  readonly given: ReadonlySet<keyof F & string>;
  /** `--help` was given: everything else is to be ignored. */
  readonly help: boolean;
}

class FlagParser {
  readonly values: Record<string, unknown> = {};
  readonly given = new Set<string>();
  readonly positionals: string[] = [];
  help = false;
  readonly #table: FlagTable;
  readonly #args: readonly string[];
  #at = 0;

  constructor(table: FlagTable, args: readonly string[]) {
    this.#table = table;
    this.#args = args;
    for (const name of Object.keys(table)) this.values[name] = table[name]?.initial;
  }

  run(interspersed: boolean): void {
    while (this.#at < this.#args.length && !this.help) {
      const argument = this.#args[this.#at] ?? "";
      this.#at += 1;
      if (argument === "--") break;
      if (argument.startsWith("--")) this.#long(argument);
      else if (argument.startsWith("-") && argument !== "-") this.#shorts(argument);
      else {
        this.positionals.push(argument);
        if (!interspersed) break;
      }
    }
    this.positionals.push(...this.#args.slice(this.#at));
  }

  #long(argument: string): void {
    const equals = argument.indexOf("=");
    const name = argument.slice(2, equals < 0 ? undefined : equals);
    if (name === "" || name.startsWith("-")) throw new UsageError(`bad flag syntax: ${argument}`);
    const flag = Object.hasOwn(this.#table, name) ? this.#table[name] : undefined;
    if (flag === undefined) {
      if (name === "help") this.help = true;
      else throw new UsageError(`unknown flag: --${name}${this.#meant(name)}`);
    } else if (equals >= 0) this.#accept(name, flag, argument.slice(equals + 1));
    else if (flag.bare !== undefined) this.#accept(name, flag, flag.bare);
    else this.#accept(name, flag, this.#following(`--${name}`));
  }

  /** The nearest option on a line of its own, as the first line is Docker's. */
  #meant(name: string): string {
    const names = Object.keys(this.#table).filter((one) => this.#table[one]?.hidden === false);
    const near = nearest(name, [...names, "help"]);
    return near === undefined ? "" : `\nDid you mean --${near}?`;
  }

  #shorts(argument: string): void {
    for (let index = 1; index < argument.length; index += 1) {
      const letter = argument[index] ?? "";
      const name = Object.keys(this.#table).find((key) => this.#table[key]?.short === letter);
      const flag = name === undefined ? undefined : this.#table[name];
      if (name === undefined || flag === undefined) {
        if (letter === "h") {
          this.help = true;
          return;
        }
        throw new UsageError(`unknown shorthand flag: '${letter}' in ${argument}`);
      }
      const rest = argument.slice(index + 1);
      if (rest.startsWith("=")) {
        this.#accept(name, flag, rest.slice(1));
        return;
      }
      if (flag.bare === undefined) {
        this.#accept(name, flag, rest === "" ? this.#following(`'${letter}' in ${argument}`) : rest);
        return;
      }
      this.#accept(name, flag, flag.bare);
    }
  }

  #following(what: string): string {
    const value = this.#args[this.#at];
    if (value === undefined) throw new UsageError(`flag needs an argument: ${what}`);
    this.#at += 1;
    return value;
  }

  #accept(name: string, flag: Flag<unknown>, text: string): void {
    try {
      this.values[name] = flag.accept(this.values[name], text);
    } catch (thrown) {
      const shown = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
      throw new UsageError(
        `invalid argument ${JSON.stringify(text)} for "${shown}" flag: ${messageOf(thrown)}`,
      );
    }
    this.given.add(name);
  }
}

/** Parses `args` (without the command's name). Throws `UsageError`. */
export function parseFlags<F extends FlagTable>(
  table: F,
  args: readonly string[],
  options: { readonly interspersed: boolean },
): Parsed<F> {
  const parser = new FlagParser(table, args);
  parser.run(options.interspersed);
  // The parser fills one value per flag of the table, made by that flag's own accept.
  const values = parser.values as Values<F>;
  const given = parser.given as ReadonlySet<keyof F & string>;
  return { values, given, positionals: parser.positionals, help: parser.help };
}
