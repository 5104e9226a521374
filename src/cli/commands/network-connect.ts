/** `tiffin network connect`. */
import type { EndpointSettings } from "../../docker/types/networking.ts";
import { defineCommand } from "../command.ts";
import { cleanName } from "../each-container.ts";
import { integer, list, text } from "../flags/flag.ts";
import { parseOptionPairs } from "../flags/option-pairs.ts";

export const command = defineCommand({
  names: ["network connect"],
  usage: "[OPTIONS] NETWORK CONTAINER",
  summary: "Connect a container to a network",
  flags: {
    alias: list("", "Add network-scoped alias for the container"),
    "driver-opt": list("", "Driver options for the network"),
    "gw-priority": integer("", "Highest gw-priority provides the default gateway; accepts negative values"),
    ip: text("", "IPv4 address (e.g., 172.30.100.104)"),
    ip6: text("", "IPv6 address (e.g., 2001:db8::33)"),
    link: list("", "Add link to another container"),
    "link-local-ip": list("", "Add a link-local address for the container"),
  },
  least: 2,
  most: 2,
  async run({ values, positionals, context }) {
    const [network = "", container = ""] = positionals;
    const settings: EndpointSettings = {
      IPAMConfig: {
        ...(values.ip !== "" && { IPv4Address: values.ip }),
        ...(values.ip6 !== "" && { IPv6Address: values.ip6 }),
        ...(values["link-local-ip"].length > 0 && { LinkLocalIPs: values["link-local-ip"] }),
      },
      ...(values.alias.length > 0 && { Aliases: values.alias }),
      ...(values.link.length > 0 && { Links: values.link }),
      ...(values["driver-opt"].length > 0 && { DriverOpts: parseOptionPairs(values["driver-opt"]) }),
      ...(values["gw-priority"] !== undefined && { GwPriority: values["gw-priority"] }),
    };
    const api = await context.api();
    const body = { Container: cleanName(container), EndpointConfig: settings };
    await api.perform("networkConnect", { params: { id: network }, body });
    return 0;
  },
});
