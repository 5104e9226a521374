/** `tiffin image prune`. */
import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { longFilter } from "../flags/filter-flag.ts";
import { toggle } from "../flags/flag.ts";
import { humanSize } from "../format/human.ts";
import { pruneImages } from "../prunes.ts";

const goOn = "Are you sure you want to continue?";
const danglingWarning = `WARNING! This will remove all dangling images.\n${goOn}`;
const allWarning = `WARNING! This will remove all images without at least one container associated to them.\n${goOn}`;

export const command = defineCommand({
  names: ["image prune"],
  usage: "[OPTIONS]",
  summary: "Remove unused images",
  flags: {
    all: toggle("a", "Remove all images that no container uses, not just dangling ones"),
    filter: longFilter,
    force: toggle("f", "Do not ask"),
  },
  least: 0,
  most: 0,
  async run({ values, context }) {
    if (!values.force && !(await confirm(context, values.all ? allWarning : danglingWarning))) return 0;
    const { text, reclaimedBytes } = await pruneImages(await context.api(), values.filter, values.all);
    if (text !== "") context.out(`${text}\n`);
    context.out(`Total reclaimed space: ${humanSize(reclaimedBytes, 4)}\n`);
    return 0;
  },
});
