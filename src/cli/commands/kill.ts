/** `tiffin kill`. */
import { defineCommand } from "../command.ts";
import { eachContainer } from "../each-container.ts";
import { text } from "../flags/flag.ts";

export const command = defineCommand({
  names: ["container kill", "kill"],
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Kill one or more running containers",
  flags: { signal: text("s", "Signal to send to the container") },
  least: 1,
  async run({ values, positionals, context }) {
    const failed = await eachContainer(context, positionals, async (api, name) => {
      await api.perform("containerKill", { params: { name }, query: { signal: values.signal || undefined } });
      return undefined;
    });
    return failed.length === 0 ? 0 : 1;
  },
});
