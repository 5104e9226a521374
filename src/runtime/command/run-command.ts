/** The OCI runtime's command line: global flags, a command, its flags, its words. */
import { specificationVersion } from "../../oci/version.ts";
import type { CommandRow } from "./command.ts";
import { commands } from "./command-table.ts";
import { type ErrorLog, reportError } from "./error-log.ts";
import { parseWords, usage } from "./flags.ts";
import { globalFlags, globalOptions } from "./global-options.ts";
import { NotHere, type RuntimeHost } from "./host/host.ts";

function versionText(version: string): string {
  return `tiffin-runtime version ${version}\nspec: ${specificationVersion}\n`;
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
    if (name === undefined || name === "help" || flags.switch("help")) {
      host.print(1, (await import("./help.ts")).helpText(words[1]));
      return 0;
    }
    const row = Object.hasOwn(commands, name) ? commands[name] : undefined;
    // The systemd driver may wait long for systemd.
    if (residentOnly && (row?.resident !== true || flags.switch("systemd-cgroup"))) throw new NotHere(name);
    if (row === undefined) throw usage(`there is no command ${JSON.stringify(name)}`);
    const parsed = parseWords(rest, [...row.flags, ...helpFlag], row.stopAtWord === true);
    if (parsed.flags.switch("help")) {
      host.print(1, (await import("./help.ts")).helpText(name));
      return 0;
    }
    const [least, most] = row.words;
    if (parsed.words.length < least || parsed.words.length > most) {
      throw usage(
        `${name} takes ${least === most ? "" : "at least "}${least} argument${least === 1 ? "" : "s"}: ${row.usage}`,
      );
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
