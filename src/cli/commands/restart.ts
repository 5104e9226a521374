/** `tiffin restart`. */
import { defineCommand } from "../command.ts";
import { eachContainer } from "../each-container.ts";
import { stopFlags, stopQuery } from "../stop-flags.ts";

export const command = defineCommand({
  names: ["container restart", "restart"],
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Restart one or more containers",
  flags: stopFlags,
  least: 1,
  async run({ values, positionals, context }) {
    const failed = await eachContainer(context, positionals, async (api, name) => {
      await api.perform("containerRestart", { params: { name }, query: stopQuery(values) });
      return undefined;
    });
    return failed.length === 0 ? 0 : 1;
  },
});
