/** `tiffin tag`. */
import { defineCommand } from "../command.ts";

export const command = defineCommand({
  names: ["image tag", "tag"],
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
  flags: {},
  least: 2,
  most: 2,
  async run({ positionals, context }) {
    const [source = "", target = ""] = positionals;
    const api = await context.api();
    await api.perform("imageTag", { params: { name: source }, query: { repo: target } });
    return 0;
  },
});
