/** `tiffin volume ls`. */
import type { VolumeDocument } from "../../docker/types/volume.ts";
import { own } from "../../lib/own.ts";
import { defineCommand } from "../command.ts";
import { filter } from "../flags/filter-flag.ts";
import { text, toggle } from "../flags/flag.ts";
import { humanSize } from "../format/human.ts";
import { formatList, type Row } from "../format/list-format.ts";

const shape = {
  columns: ["Driver", "Name"],
  headings: {
    Driver: "DRIVER",
    Name: "VOLUME NAME",
    Scope: "SCOPE",
    Mountpoint: "MOUNTPOINT",
    Labels: "LABELS",
    Links: "LINKS",
    Size: "SIZE",
    Label: "",
    Status: "STATUS",
    Availability: "AVAILABILITY",
    Group: "GROUP",
  },
  rowType: "*formatter.volumeContext",
};

function rowOf(volume: VolumeDocument): Row {
  const labels = volume.Labels ?? {};
  const { UsageData } = volume;
  return {
    Name: volume.Name,
    Driver: volume.Driver,
    Scope: volume.Scope,
    Mountpoint: volume.Mountpoint,
    Labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .sort()
      .join(","),
    Label: (key: unknown) => own(labels, String(key)) ?? "",
    Links: UsageData === undefined ? "N/A" : String(UsageData.RefCount),
    Size: UsageData === undefined ? "N/A" : humanSize(UsageData.Size),
    Status: "N/A",
    Availability: "N/A",
    Group: "N/A",
  };
}

export const command = defineCommand({
  names: ["volume ls", "volume list"],
  usage: "[OPTIONS]",
  summary: "List volumes",
  flags: {
    filter,
    format: text("", "How to print: 'table', 'table TEMPLATE', 'json', or a Go template"),
    quiet: toggle("q", "Only display volume names"),
  },
  least: 0,
  most: 0,
  async run({ values, context }) {
    const api = await context.api();
    const { Volumes } = await api.document("volumeList", {
      query: { filters: Object.keys(values.filter).length === 0 ? undefined : values.filter },
    });
    const sorted = [...Volumes].sort((a, b) => (a.Name < b.Name ? -1 : 1));
    if (values.quiet && values.format === "") context.out(sorted.map(({ Name }) => `${Name}\n`).join(""));
    else context.out(await formatList(sorted.map(rowOf), shape, values.format));
    return 0;
  },
});
