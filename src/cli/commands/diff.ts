/** `tiffin diff`. */
import { defineCommand } from "../command.ts";
import { cleanName } from "../each-container.ts";

/** By Docker's numbers. */
const letters = ["C", "A", "D"];

export const command = defineCommand({
  names: ["container diff", "diff"],
  usage: "CONTAINER",
  summary: "Inspect changes to files or directories on a container's filesystem",
  flags: {},
  least: 1,
  most: 1,
  async run({ positionals, context }) {
    const api = await context.api();
    const changes = await api.document("containerChanges", {
      params: { name: cleanName(positionals[0] ?? "") },
    });
    context.out((changes ?? []).map(({ Kind, Path }) => `${letters[Kind]} ${Path}\n`).join(""));
    return 0;
  },
});
