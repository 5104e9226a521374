/** `tiffin network prune`. */
import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { longFilter } from "../flags/filter-flag.ts";
import { toggle } from "../flags/flag.ts";
import { pruneNetworks } from "../prunes.ts";

const warning =
  "WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue?";

export const command = defineCommand({
  names: ["network prune"],
  usage: "[OPTIONS]",
  summary: "Remove all unused networks",
  flags: { filter: longFilter, force: toggle("f", "Do not ask") },
  least: 0,
  most: 0,
  async run({ values, context }) {
    if (!values.force && !(await confirm(context, warning))) return 0;
    const { text } = await pruneNetworks(await context.api(), values.filter);
    if (text !== "") context.out(`${text}\n`);
    return 0;
  },
});
