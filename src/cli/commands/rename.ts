/** `tiffin rename`. */
import { defineCommand } from "../command.ts";
import { cleanName } from "../each-container.ts";

export const command = defineCommand({
  names: ["container rename", "rename"],
  usage: "CONTAINER NEW_NAME",
  summary: "Rename a container",
  flags: {},
  least: 2,
  most: 2,
  async run({ positionals, context }) {
    const [name = "", newName = ""] = positionals;
    const api = await context.api();
    await api.perform("containerRename", {
      params: { name: cleanName(name) },
      query: { name: newName.trim() },
    });
    return 0;
  },
});
