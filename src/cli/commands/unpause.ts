/** `tiffin unpause`. */
import { defineCommand } from "../command.ts";
import { eachContainer } from "../each-container.ts";

export const command = defineCommand({
  names: ["container unpause", "unpause"],
  usage: "CONTAINER [CONTAINER...]",
  summary: "Unpause all processes within one or more containers",
  flags: {},
  least: 1,
  async run({ positionals, context }) {
    const failed = await eachContainer(context, positionals, async (api, name) => {
      await api.perform("containerUnpause", { params: { name } });
      return undefined;
    });
    return failed.length === 0 ? 0 : 1;
  },
});
