/** Help pages of the program, its groups and its commands. Loaded only when help is asked for. */
import { labSummary } from "../lab/outline.ts";
import { helpPage } from "./command.ts";
import {
  type CommandEntry,
  commandGroups,
  commandTable,
  commonCommands,
  findCommand,
} from "./command-table.ts";
import { defaultHelpWidth, renderCommands, renderFlags } from "./flags/help-page.ts";
import { globalFlags } from "./global-flags.ts";
import type { CliIo } from "./io.ts";

/** `name` of the last word, for lists. */
function rowsOf(entries: readonly CommandEntry[], nameOf: (entry: CommandEntry) => string | undefined) {
  return entries
    .flatMap((entry) => {
      const name = nameOf(entry);
      return name === undefined ? [] : [{ name, summary: entry.summary }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function topName(entry: CommandEntry): string | undefined {
  return entry.names.find((name) => !name.includes(" "));
}

/** The page of `tiffin --help`. */
export function programPage(width: number): string {
  const common = commonCommands.flatMap((name) => {
    const entry = findCommand(name);
    return entry === undefined ? [] : [{ name, summary: entry.summary }];
  });
  const others = rowsOf(commandTable, (entry) => {
    const name = topName(entry);
    return name === undefined || commonCommands.includes(name) ? undefined : name;
  });
  const daemon = { name: "daemon", summary: "Run the engine" };
  const lab = { name: "lab", summary: labSummary };
  return [
    "Usage:  tiffin [OPTIONS] COMMAND\n",
    "A container engine that shows every step it takes\n",
    `Common Commands:\n${renderCommands(common)}`,
    `Management Commands:\n${renderCommands(commandGroups)}`,
    `Commands:\n${renderCommands([...others, daemon, lab].sort((a, b) => (a.name < b.name ? -1 : 1)))}`,
    `Global Options:\n${renderFlags(globalFlags, width)}`,
    "Run 'tiffin COMMAND --help' for more information on a command.\n",
  ].join("\n");
}

/** The page of `tiffin container --help` and its like. */
export function groupPage(group: { readonly name: string; readonly summary: string }): string {
  const prefix = `${group.name} `;
  // The shortest of several names in the group is the one to show: `ls`, not `list`.
  const rows = rowsOf(commandTable, (entry) => {
    const inGroup = entry.names
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length));
    return inGroup.sort((a, b) => a.length - b.length || (a < b ? -1 : 1))[0];
  });
  return [
    `Usage:  tiffin ${group.name} COMMAND\n`,
    `${group.summary}\n`,
    `Commands:\n${renderCommands(rows)}`,
    `Run 'tiffin ${group.name} COMMAND --help' for more information on a command.\n`,
  ].join("\n");
}

/** Prints the page about `topic`: nothing, a group or a command. */
export async function help(io: CliIo, topic: readonly string[]): Promise<number> {
  const width = io.windowSize(1)?.columns ?? defaultHelpWidth;
  const name = topic.join(" ");
  const group = commandGroups.find((one) => one.name === name);
  const entry = findCommand(name);
  if (name === "") io.write(1, programPage(width));
  else if (group !== undefined) io.write(1, groupPage(group));
  else if (entry !== undefined) io.write(1, helpPage(await entry.load(), `tiffin ${name}`, width));
  else {
    io.write(2, `tiffin: unknown help topic: ${name}\n\nRun 'tiffin --help' for more information\n`);
    return 1;
  }
  return 0;
}
