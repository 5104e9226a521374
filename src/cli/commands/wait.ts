/** `tiffin wait`. */
import { defineCommand } from "../command.ts";
import { eachContainer } from "../each-container.ts";

export const command = defineCommand({
  names: ["container wait", "wait"],
  usage: "CONTAINER [CONTAINER...]",
  summary: "Wait until containers stop, then print their exit codes",
  flags: {},
  least: 1,
  async run({ positionals, context }) {
    const failed = await eachContainer(
      context,
      positionals,
      async (api, name) => {
        const result = await api.document("containerWait", { params: { name } });
        if (result.Error !== undefined) throw new Error(result.Error.Message);
        return String(result.StatusCode);
      },
      { print: (_name, result) => result },
    );
    return failed.length === 0 ? 0 : 1;
  },
});
