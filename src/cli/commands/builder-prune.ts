/** `tiffin builder prune`. */
import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { bytes } from "../flags/byte-size.ts";
import { longFilter } from "../flags/filter-flag.ts";
import { toggle } from "../flags/flag.ts";
import { humanSize } from "../format/human.ts";

const goOn = "Are you sure you want to continue?";
const warning = `WARNING! This will remove all dangling build cache.\n${goOn}`;
const allWarning = `WARNING! This will remove all build cache.\n${goOn}`;

export const command = defineCommand({
  names: ["builder prune"],
  usage: "[OPTIONS]",
  summary: "Remove build cache",
  flags: {
    all: toggle("a", "Remove all unused build cache, not just dangling ones"),
    filter: longFilter,
    force: toggle("f", "Do not prompt for confirmation"),
    "keep-storage": bytes("", "Amount of disk space to keep for cache"),
  },
  least: 0,
  most: 0,
  async run({ values, context }) {
    if (!values.force && !(await confirm(context, values.all ? allWarning : warning))) return 0;
    const api = await context.api();
    const report = await api.document("buildPrune", {
      query: { all: values.all, "keep-storage": values["keep-storage"], filters: values.filter },
    });
    for (const id of report.CachesDeleted ?? []) context.out(`${id}\n`);
    context.out(`Total reclaimed space: ${humanSize(report.SpaceReclaimed, 4)}\n`);
    return 0;
  },
});
