/** `tiffin system df`. */
import type { ContainerSummary } from "../../docker/types/container.ts";
import type { DiskUsage } from "../../docker/types/disk-usage.ts";
import { defineCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { text, toggle } from "../flags/flag.ts";
import { humanDuration, humanSize } from "../format/human.ts";
import { formatList, type ListShape, type Row } from "../format/list-format.ts";
import { imageRows } from "./images.ts";

const shape: ListShape = {
  headings: { Type: "TYPE", TotalCount: "TOTAL", Active: "ACTIVE", Size: "SIZE", Reclaimable: "RECLAIMABLE" },
  columns: ["Type", "TotalCount", "Active", "Size", "Reclaimable"],
  rowType: "*formatter.diskUsageContext",
};
const digits = 4;
const shortIdLength = 12;
const activeStates = ["running", "paused", "restarting"];

interface Sum {
  readonly total: number;
  readonly active: number;
  readonly bytes: number;
  readonly reclaimable: number;
}

function rowOf(type: string, { total, active, bytes, reclaimable }: Sum): Row {
  const share = bytes > 0 ? ` (${Math.floor((reclaimable * 100) / bytes)}%)` : "";
  return {
    Type: type,
    TotalCount: String(total),
    Active: String(active),
    Size: humanSize(bytes, digits),
    Reclaimable: `${humanSize(reclaimable, digits)}${share}`,
  };
}

const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((total, item) => total + of(item), 0);
const isActive = ({ State }: ContainerSummary): boolean => activeStates.includes(State);

function rowsOf(usage: DiskUsage): Row[] {
  const images = usage.Images ?? [];
  const containers = usage.Containers ?? [];
  const volumes = usage.Volumes ?? [];
  const used = images.filter(({ Containers }) => Containers > 0);
  const free = volumes.filter(({ UsageData }) => (UsageData?.RefCount ?? 0) === 0);
  const written = ({ SizeRw }: ContainerSummary): number => SizeRw ?? 0;
  const kept = ({ UsageData }: (typeof volumes)[number]): number => UsageData?.Size ?? 0;
  return [
    rowOf("Images", {
      total: images.length,
      active: used.length,
      bytes: usage.LayersSize,
      reclaimable: Math.max(0, usage.LayersSize - sum(used, ({ Size, SharedSize }) => Size - SharedSize)),
    }),
    rowOf("Containers", {
      total: containers.length,
      active: containers.filter(isActive).length,
      bytes: sum(containers, written),
      reclaimable: sum(
        containers.filter((one) => !isActive(one)),
        written,
      ),
    }),
    rowOf("Local Volumes", {
      total: volumes.length,
      active: volumes.length - free.length,
      bytes: sum(volumes, kept),
      reclaimable: sum(free, kept),
    }),
    rowOf("Build Cache", { total: 0, active: 0, bytes: 0, reclaimable: 0 }),
  ];
}

/** One section of the long form. */
async function section(
  title: string,
  columns: Readonly<Record<string, string>>,
  rows: readonly Row[],
): Promise<string> {
  const list: ListShape = { headings: columns, columns: Object.keys(columns), rowType: "" };
  return `${title} space usage:\n\n${await formatList(rows, list, "")}`;
}

async function longForm(usage: DiskUsage, context: CliContext): Promise<string> {
  const nowMs = context.io.nowMs();
  const images = (usage.Images ?? []).flatMap((image) =>
    imageRows(image, { truncate: true, digests: false, nowMs }),
  );
  const containers = (usage.Containers ?? []).map((one) => ({
    ID: one.Id.slice(0, shortIdLength),
    Image: one.Image,
    Command: JSON.stringify(one.Command),
    LocalVolumes: String(one.Mounts.filter(({ Type }) => Type === "volume").length),
    Size: humanSize(one.SizeRw ?? 0),
    Created: `${humanDuration(nowMs / 1000 - one.Created)} ago`,
    Status: one.Status,
    Names: one.Names.map((name) => name.replace(/^\//, "")).join(","),
  }));
  const volumes = (usage.Volumes ?? []).map(({ Name, UsageData }) => ({
    Name,
    Links: String(UsageData?.RefCount ?? 0),
    Size: humanSize(UsageData?.Size ?? 0),
  }));
  const sections = [
    await section(
      "Images",
      {
        Repository: "REPOSITORY",
        Tag: "TAG",
        ID: "IMAGE ID",
        CreatedSince: "CREATED",
        Size: "SIZE",
        SharedSize: "SHARED SIZE",
        UniqueSize: "UNIQUE SIZE",
        Containers: "CONTAINERS",
      },
      images,
    ),
    await section(
      "Containers",
      {
        ID: "CONTAINER ID",
        Image: "IMAGE",
        Command: "COMMAND",
        LocalVolumes: "LOCAL VOLUMES",
        Size: "SIZE",
        Created: "CREATED",
        Status: "STATUS",
        Names: "NAMES",
      },
      containers,
    ),
    await section("Local Volumes", { Name: "VOLUME NAME", Links: "LINKS", Size: "SIZE" }, volumes),
  ];
  return sections.join("\n");
}

export const command = defineCommand({
  names: ["system df"],
  usage: "[OPTIONS]",
  summary: "Show what images, containers and volumes hold on disk",
  flags: {
    format: text("", "How to print: 'table', 'table TEMPLATE', 'json', or a Go template"),
    verbose: toggle("v", "Show each image, container and volume"),
  },
  least: 0,
  most: 0,
  async run({ values, context }) {
    const api = await context.api();
    const usage = await api.document("diskUsage", {});
    const short = !values.verbose || values.format !== "";
    context.out(
      short ? await formatList(rowsOf(usage), shape, values.format) : await longForm(usage, context),
    );
    return 0;
  },
});
