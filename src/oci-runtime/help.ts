/** The pages of --help. */
import { commands } from "./command-table.ts";
import type { FlagRow } from "./flags.ts";
import { globalFlags } from "./global-options.ts";

function flagLines(rows: readonly FlagRow[]): string[] {
  return rows.map(({ name, short, kind, doc }) => {
    const left = `  --${name}${short === undefined ? "" : `, -${short}`}${kind === "switch" ? "" : " VALUE"}`;
    return `${left.padEnd(32)}${doc}`;
  });
}

/** The page of a command, or of the program. */
export function helpText(name: string | undefined): string {
  const row = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (row !== undefined) {
    const flags = row.flags.length === 0 ? [] : ["", "Flags:", ...flagLines(row.flags)];
    return [`tiffin-runtime ${row.usage}`, "", row.doc, ...flags, ""].join("\n");
  }
  const list = Object.entries(commands).map(([each, { doc }]) => `  ${each.padEnd(12)}${doc}`);
  return [
    "tiffin-runtime [global flags] COMMAND [flags] [ARGUMENT...]",
    "",
    "Runs containers from OCI bundles.",
    "",
    "Commands:",
    ...list,
    "",
    "Global flags:",
    ...flagLines(globalFlags),
    "",
  ].join("\n");
}
