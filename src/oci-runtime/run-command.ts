/** The OCI runtime's command line: global flags, a command, its flags, its words. */

import type { TiffinError } from "../lib/errors.ts";
import { specificationVersion } from "../oci/version.ts";
import type { CommandRow } from "./command.ts";
import { commands } from "./command-table.ts";
import { type ErrorLog, reportError } from "./error-log.ts";
import { parseWords, usage } from "./flags.ts";
import { globalFlags, globalOptions } from "./global-options.ts";
import { NotHere, type RuntimeHost } from "./host/host.ts";

function versionText(version: string): string {
  return `tiffin-runtime version ${version}\nspec: ${specificationVersion}\n`;
}

function unknownCommand(name: string): TiffinError {
  return usage(`there is no command ${JSON.stringify(name)}`);
}

export interface RunOptions {
  /** Throw `NotHere` for a command that no helper does for others. */
  readonly residentOnly?: boolean;
  /** Told which command it is, before it runs. */
  readonly chosen?: (row: CommandRow) => void;
}

/** Runs one command and returns the exit code. */
export async function runRuntimeCommand(
  input: readonly string[],
  host: RuntimeHost,
  { residentOnly = false, chosen }: RunOptions = {},
): Promise<number> {
  let log: ErrorLog = {
    path: undefined,
    format: "text",
    debug: false,
    show: (text) => host.print(2, text),
  };
  let failureCode = 1;
  try {
    const { flags, words } = parseWords(input, globalFlags, true);
    const options = globalOptions(flags, host);
    log = options.log;
    const [name, ...rest] = words;
    if (flags.switch("version")) {
      host.print(1, versionText(host.version));
      return 0;
    }
    if (name === undefined || name === "help" || name === "h" || flags.switch("help")) {
      const topic = flags.switch("help") ? undefined : words[1];
      if (topic !== undefined && !Object.hasOwn(commands, topic)) throw unknownCommand(topic);
      host.print(1, (await import("./help.ts")).helpText(topic));
      return 0;
    }
    const row = Object.hasOwn(commands, name) ? commands[name] : undefined;
    // The systemd driver may wait long for systemd.
    if (residentOnly && (row?.resident !== true || flags.switch("systemd-cgroup"))) throw new NotHere(name);
    if (row === undefined) throw unknownCommand(name);
    const parsed = parseWords(rest, [...row.flags, ...helpFlag], row.stopAtWord === true);
    if (parsed.flags.switch("help")) {
      host.print(1, (await import("./help.ts")).helpText(name));
      return 0;
    }
    const [least, most] = row.words;
    if (parsed.words.length < least || parsed.words.length > most) {
      const bound = least === most ? "" : parsed.words.length < least ? "at least " : "at most ";
      const wanted = parsed.words.length < least ? least : most;
      throw usage(`${name} takes ${bound}${wanted} argument${wanted === 1 ? "" : "s"}: ${row.usage}`);
    }
    chosen?.(row);
    failureCode = row.failureCode ?? 1;
    const run = await row.run();
    return await run({ ...options, host, flags: parsed.flags, words: parsed.words });
  } catch (thrown) {
    if (thrown instanceof NotHere) throw thrown;
    reportError(log, thrown);
    return failureCode;
  }
}

const helpFlag = [{ name: "help", short: "h", kind: "switch", doc: "show help" }] as const;
