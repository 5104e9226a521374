/** `tiffin pause`. */
import { defineCommand } from "../command.ts";
import { eachContainer } from "../each-container.ts";

export const command = defineCommand({
  names: ["container pause", "pause"],
  usage: "CONTAINER [CONTAINER...]",
  summary: "Pause all processes within one or more containers",
  flags: {},
  least: 1,
  async run({ positionals, context }) {
    const failed = await eachContainer(context, positionals, async (api, name) => {
      await api.perform("containerPause", { params: { name } });
      return undefined;
    });
    return failed.length === 0 ? 0 : 1;
  },
});
