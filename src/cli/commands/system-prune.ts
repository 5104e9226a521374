/** `tiffin system prune`: the prunes of everything, one after the other. */
import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { type FilterMap, longFilter } from "../flags/filter-flag.ts";
import { toggle } from "../flags/flag.ts";
import { humanSize } from "../format/human.ts";
import { pruneContainers, pruneImages, pruneNetworks, pruneVolumes } from "../prunes.ts";

interface Wanted {
  readonly all: boolean;
  readonly volumes: boolean;
  readonly filter: FilterMap;
}

function warningOf({ all, volumes, filter }: Wanted): string {
  const lines = [
    "WARNING! This will remove:",
    "  - all stopped containers",
    "  - all networks not used by at least one container",
    ...(volumes ? ["  - all anonymous volumes not used by at least one container"] : []),
    all ? "  - all images without at least one container associated to them" : "  - all dangling images",
    "",
  ];
  const conditions = Object.entries(filter)
    .flatMap(([key, values]) => values.map((value) => `  - ${key}=${value}`))
    .sort();
  if (conditions.length > 0) lines.push("  Items to be pruned will be filtered with:", ...conditions, "");
  return `${lines.join("\n")}\nAre you sure you want to continue?`;
}

export const command = defineCommand({
  names: ["system prune"],
  usage: "[OPTIONS]",
  summary: "Remove unused data",
  flags: {
    all: toggle("a", "Remove all unused images not just dangling ones"),
    filter: longFilter,
    force: toggle("f", "Do not ask"),
    volumes: toggle("", "Prune anonymous volumes"),
  },
  least: 0,
  most: 0,
  async run({ values, context }) {
    const { all, filter, volumes } = values;
    if (volumes && Object.hasOwn(filter, "until")) {
      throw new Error(`ERROR: The "until" filter is not supported with "--volumes"`);
    }
    if (!values.force && !(await confirm(context, warningOf(values)))) return 0;
    const api = await context.api();
    let total = 0;
    const steps = [
      () => pruneContainers(api, filter),
      () => pruneNetworks(api, filter),
      ...(volumes ? [() => pruneVolumes(api, filter, false)] : []),
      () => pruneImages(api, filter, all),
    ];
    // What a container that is gone used is unused now.
    for (const prune of steps) {
      const { text, reclaimedBytes } = await prune();
      if (text !== "") context.out(`${text}\n`);
      total += reclaimedBytes;
    }
    context.out(`Total reclaimed space: ${humanSize(total, 4)}\n`);
    return 0;
  },
});
