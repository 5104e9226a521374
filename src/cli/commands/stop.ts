/** `tiffin stop`. */
import { defineCommand } from "../command.ts";
import { eachContainer } from "../each-container.ts";
import { stopFlags, stopQuery } from "../stop-flags.ts";

export const command = defineCommand({
  names: ["container stop", "stop"],
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Stop one or more running containers",
  flags: stopFlags,
  least: 1,
  async run({ values, positionals, context }) {
    const failed = await eachContainer(context, positionals, async (api, name) => {
      await api.perform("containerStop", { params: { name }, query: stopQuery(values) });
      return undefined;
    });
    return failed.length === 0 ? 0 : 1;
  },
});
