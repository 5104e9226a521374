/** `tiffin image prune`. */
import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { longFilter } from "../flags/filter-flag.ts";
import { toggle } from "../flags/flag.ts";
import { humanSize } from "../format/human.ts";

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
    if (!values.force && !confirm(context, values.all ? allWarning : danglingWarning)) return 0;
    const filters = { ...values.filter, dangling: [values.all ? "false" : "true"] };
    const api = await context.api();
    const { ImagesDeleted, SpaceReclaimed } = await api.document("imagePrune", { query: { filters } });
    const done = ImagesDeleted ?? [];
    if (done.length > 0) {
      const lines = done.map(({ Untagged, Deleted }) =>
        Untagged === undefined ? `deleted: ${Deleted ?? ""}\n` : `untagged: ${Untagged}\n`,
      );
      context.out(`Deleted Images:\n${lines.join("")}\n`);
    }
    context.out(`Total reclaimed space: ${humanSize(SpaceReclaimed, 4)}\n`);
    return 0;
  },
});
