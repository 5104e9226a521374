/** The command line of `tiffin daemon`: its words, and its page of help. */
import { custom, type FlagTable, text, toggle } from "../cli/flags/flag.ts";
import { renderFlags } from "../cli/flags/help-page.ts";
import { suggestion } from "../lib/suggestion.ts";
import { defaultConfigFile } from "./config-file.ts";
import {
  configOption,
  daemonActions,
  fromDockerOption,
  type GivenSettings,
  type Settings,
  settingNames,
  settings,
  usageError,
} from "./daemon-options.ts";

export interface DaemonWords {
  readonly given: GivenSettings;
  readonly action: keyof typeof daemonActions | undefined;
  readonly configFile: string | undefined;
  readonly fromDocker: string | undefined;
}

/** All options as help and manual pages show them. */
export const daemonFlags: FlagTable = {
  ...Object.fromEntries(
    settingNames.map((name) => {
      const { flag, short, word, help, repeated, shownDefault } = settings[name];
      const extra = shownDefault === undefined ? {} : { shownDefault };
      const shown = repeated ? `${help}; may be repeated` : help;
      return [flag, custom(short ?? "", word, shown, undefined, (before) => before, extra)];
    }),
  ),
  [configOption.flag]: {
    ...text("", configOption.help),
    word: configOption.word,
    shownDefault: JSON.stringify(defaultConfigFile),
  },
  [fromDockerOption.flag]: { ...text("", fromDockerOption.help), word: fromDockerOption.word },
  ...Object.fromEntries(Object.entries(daemonActions).map(([name, help]) => [name, toggle("", help)])),
  help: toggle("", "Print usage"),
};

export function daemonPage(width: number): string {
  return `Usage:  tiffin daemon [OPTIONS]\n\nRun the engine in the foreground\n\nOptions:\n${renderFlags(daemonFlags, width)}`;
}

function add<K extends keyof Settings>(into: GivenSettings, name: K, word: string, value: string): void {
  into[name] = settings[name].add(into[name], word, value);
}

function actionOf(word: string): keyof typeof daemonActions | undefined {
  return word === "--uninstall" ? "uninstall" : word === "--validate" ? "validate" : undefined;
}

/** As Docker has it, `--tlsverify` needs no value. */
function isBareTruth(option: string, rest: readonly string[]): boolean {
  return option === `--${settings.tlsVerify.flag}` && rest[0] !== "true" && rest[0] !== "false";
}

export function parseDaemonWords(words: readonly string[]): DaemonWords {
  const given: GivenSettings = {};
  let action: DaemonWords["action"];
  let configFile: string | undefined;
  let fromDocker: string | undefined;
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const wantedAction = actionOf(word);
    if (wantedAction !== undefined) {
      action = wantedAction;
      continue;
    }
    const equals = word.startsWith("--") ? word.indexOf("=") : -1;
    const option = equals > 0 ? word.slice(0, equals) : word;
    const name = settingNames.find(
      (one) => option === `--${settings[one].flag}` || option === `-${settings[one].short ?? "-"}`,
    );
    const isFile = option === `--${configOption.flag}` || option === `--${fromDockerOption.flag}`;
    if (name === undefined && !isFile) {
      const near = suggestion(
        option,
        Object.keys(daemonFlags).map((flag) => `--${flag}`),
      );
      throw usageError(`unknown option ${JSON.stringify(word)}${near}`);
    }
    const value = equals > 0 ? word.slice(equals + 1) : isBareTruth(option, rest) ? "true" : rest.shift();
    if (value === undefined || value === "") throw usageError(`option ${word} needs a value`);
    if (name === "host" && value.startsWith("tcp://")) add(given, "tcpHosts", word, value);
    else if (name !== undefined) add(given, name, word, value);
    else if (option === `--${configOption.flag}`) configFile = value;
    else fromDocker = value;
  }
  return { given, action, configFile, fromDocker };
}
