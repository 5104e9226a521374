/** `tiffin container prune`. */
import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { longFilter } from "../flags/filter-flag.ts";
import { toggle } from "../flags/flag.ts";
import { humanSize } from "../format/human.ts";
import { pruneContainers } from "../prunes.ts";

const warning = "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?";

export const command = defineCommand({
  names: ["container prune"],
  usage: "[OPTIONS]",
  summary: "Remove all stopped containers",
  flags: { filter: longFilter, force: toggle("f", "Do not ask") },
  least: 0,
  most: 0,
  async run({ values, context }) {
    if (!values.force && !(await confirm(context, warning))) return 0;
    const { text, reclaimedBytes } = await pruneContainers(await context.api(), values.filter);
    if (text !== "") context.out(`${text}\n`);
    context.out(`Total reclaimed space: ${humanSize(reclaimedBytes, 4)}\n`);
    return 0;
  },
});
