/** `tiffin network disconnect`. */
import { defineCommand } from "../command.ts";
import { cleanName } from "../each-container.ts";
import { toggle } from "../flags/flag.ts";

export const command = defineCommand({
  names: ["network disconnect"],
  usage: "[OPTIONS] NETWORK CONTAINER",
  summary: "Disconnect a container from a network",
  flags: { force: toggle("f", "Force the container to disconnect from a network") },
  least: 2,
  most: 2,
  async run({ values, positionals, context }) {
    const [network = "", container = ""] = positionals;
    const api = await context.api();
    const body = { Container: cleanName(container), ...(values.force && { Force: true }) };
    await api.perform("networkDisconnect", { params: { id: network }, body });
    return 0;
  },
});
