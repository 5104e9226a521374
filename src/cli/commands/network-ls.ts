/** `tiffin network ls`. */
import type { NetworkResource } from "../../docker/types/network.ts";
import { own } from "../../lib/own.ts";
import { defineCommand } from "../command.ts";
import { filter } from "../flags/filter-flag.ts";
import { text, toggle } from "../flags/flag.ts";
import { formatList, type Row } from "../format/list-format.ts";

const shortIdLength = 12;

const shape = {
  headings: {
    ID: "NETWORK ID",
    Name: "NAME",
    Driver: "DRIVER",
    Scope: "SCOPE",
    IPv4: "IPV4",
    IPv6: "IPV6",
    Internal: "INTERNAL",
    Labels: "LABELS",
    CreatedAt: "CREATED AT",
  },
  columns: ["ID", "Name", "Driver", "Scope"],
  rowType: "*formatter.networkContext",
};

/** The line of one network as columns. */
export function networkRow(network: NetworkResource, truncate: boolean): Row {
  const labels = network.Labels ?? {};
  return {
    ID: truncate ? network.Id.slice(0, shortIdLength) : network.Id,
    Name: network.Name,
    Driver: network.Driver,
    Scope: network.Scope,
    IPv4: String(network.EnableIPv4 ?? true),
    IPv6: String(network.EnableIPv6),
    Internal: String(network.Internal),
    Labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
    Label: (name: unknown) => own(labels, String(name)) ?? "",
    CreatedAt: network.Created.replace("T", " ").replace(/\.?0*Z$/, " +0000 UTC"),
  };
}

export const command = defineCommand({
  names: ["network list", "network ls"],
  usage: "[OPTIONS]",
  summary: "List networks",
  flags: {
    filter,
    format: text("", "How to print: 'table', 'table TEMPLATE', 'json', or a Go template"),
    "no-trunc": toggle("", "Do not shorten the output"),
    quiet: toggle("q", "Show only IDs"),
  },
  least: 0,
  most: 0,
  async run({ values, context }) {
    const api = await context.api();
    const query = Object.keys(values.filter).length === 0 ? {} : { filters: values.filter };
    const networks = await api.document("networkList", { query });
    const rows = [...networks]
      .sort((a, b) => (a.Name < b.Name ? -1 : 1))
      .map((network) => networkRow(network, !values["no-trunc"]));
    if (values.quiet && values.format === "") {
      context.out(rows.map((row) => `${String(row["ID"])}\n`).join(""));
      return 0;
    }
    context.out(await formatList(rows, shape, values.format || "table"));
    return 0;
  },
});
