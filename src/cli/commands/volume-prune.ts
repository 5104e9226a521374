/** `tiffin volume prune`. */
import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { longFilter } from "../flags/filter-flag.ts";
import { toggle } from "../flags/flag.ts";
import { humanSize } from "../format/human.ts";
import { pruneVolumes } from "../prunes.ts";

const goOn = "Are you sure you want to continue?";
const anonymousWarning = `WARNING! This will remove anonymous local volumes not used by at least one container.\n${goOn}`;
const allWarning = `WARNING! This will remove all local volumes not used by at least one container.\n${goOn}`;

export const command = defineCommand({
  names: ["volume prune"],
  usage: "[OPTIONS]",
  summary: "Remove unused local volumes",
  flags: {
    all: toggle("a", "Remove all unused volumes, not just anonymous ones"),
    filter: longFilter,
    force: toggle("f", "Do not prompt for confirmation"),
  },
  least: 0,
  most: 0,
  async run({ values, context }) {
    if (!values.force && !(await confirm(context, values.all ? allWarning : anonymousWarning))) return 0;
    const { text, reclaimedBytes } = await pruneVolumes(await context.api(), values.filter, values.all);
    if (text !== "") context.out(`${text}\n`);
    context.out(`Total reclaimed space: ${humanSize(reclaimedBytes, 4)}\n`);
    return 0;
  },
});
