/** `tiffin restart`. */
import { defineCommand } from "../command.ts";
import { eachContainer } from "../each-container.ts";
import { integer, text } from "../flags/flag.ts";

export const command = defineCommand({
  names: ["container restart", "restart"],
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Restart one or more containers",
  flags: {
    signal: text("s", "Signal that asks the container to stop"),
    time: integer("", "Seconds to wait before killing the container", { hidden: true }),
    timeout: integer("t", "Seconds to wait before killing the container"),
  },
  least: 1,
  async run({ values, positionals, context }) {
    const failed = await eachContainer(context, positionals, async (api, name) => {
      await api.perform("containerRestart", {
        params: { name },
        query: { t: values.timeout ?? values.time, signal: values.signal || undefined },
      });
      return undefined;
    });
    return failed.length === 0 ? 0 : 1;
  },
});
