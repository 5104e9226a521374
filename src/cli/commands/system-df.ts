/** `tiffin system df`. */
import type { ContainerSummary } from "../../docker/types/container.ts";
import type { DiskUsage } from "../../docker/types/disk-usage.ts";
import { goJson } from "../../lib/go-json.ts";
import { defineCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { text, toggle } from "../flags/flag.ts";
import { documentFormat, FormatFailure, typedRow } from "../format/document-format.ts";
import { humanSize } from "../format/human.ts";
import { formatList, type ListShape, plainColumns, type Row } from "../format/list-format.ts";
import { imageRows } from "./images.ts";
import { containerRow } from "./ps.ts";

const shape: ListShape = {
  headings: { Type: "TYPE", TotalCount: "TOTAL", Active: "ACTIVE", Size: "SIZE", Reclaimable: "RECLAIMABLE" },
  columns: ["Type", "TotalCount", "Active", "Size", "Reclaimable"],
  rowType: "*formatter.diskUsageImagesContext",
  failurePrefix: "template parsing error: ",
};
const digits = 4;
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

interface Kind {
  readonly title: string;
  /** Docker's Go type of a row. */
  readonly rowType: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
}

/** Each thing, by kinds; the names of the kinds are those that templates know. */
function kindsOf(usage: DiskUsage, nowMs: number, truncate: boolean): Readonly<Record<string, Kind>> {
  const images = (usage.Images ?? []).flatMap((image) =>
    // One line each, under its first name.
    imageRows(image, { truncate, digests: false, nowMs })
      .slice(0, 1)
      .map((row) => ({
        ...row,
        Digest: "",
        UniqueSize: humanSize(image.Size - Math.max(0, image.SharedSize), digits),
      })),
  );
  const containers = (usage.Containers ?? []).map((one) => ({
    ...containerRow(one, { truncate, nowMs }),
    Size: humanSize(one.SizeRw ?? 0),
  }));
  const volumes = (usage.Volumes ?? []).map(({ Name, Driver, Labels, Mountpoint, Scope, UsageData }) => ({
    // What only volumes of a cluster have.
    Availability: "N/A",
    Group: "N/A",
    Status: "N/A",
    Labels: Object.entries(Labels ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
    Name,
    Driver,
    Mountpoint,
    Scope,
    Links: String(UsageData?.RefCount ?? 0),
    Size: humanSize(UsageData?.Size ?? 0),
  }));
  return {
    Images: {
      title: "Images space usage:",
      rowType: "*formatter.imageContext",
      columns: imageColumns,
      rows: images,
    },
    Containers: {
      title: "Containers space usage:",
      rowType: "*formatter.containerContext",
      columns: containerColumns,
      rows: containers,
    },
    Volumes: {
      title: "Local Volumes space usage:",
      rowType: "*formatter.volumeContext",
      columns: volumeColumns,
      rows: volumes,
    },
    BuildCache: {
      title: "Build cache usage: 0B",
      rowType: "*formatter.buildCacheContext",
      columns: cacheColumns,
      rows: [],
    },
  };
}

const imageColumns = {
  Repository: "REPOSITORY",
  Tag: "TAG",
  ID: "IMAGE ID",
  CreatedSince: "CREATED",
  Size: "SIZE",
  SharedSize: "SHARED SIZE",
  UniqueSize: "UNIQUE SIZE",
  Containers: "CONTAINERS",
};
const containerColumns = {
  ID: "CONTAINER ID",
  Image: "IMAGE",
  Command: "COMMAND",
  LocalVolumes: "LOCAL VOLUMES",
  Size: "SIZE",
  RunningFor: "CREATED",
  Status: "STATUS",
  Names: "NAMES",
};
const volumeColumns = { Name: "VOLUME NAME", Links: "LINKS", Size: "SIZE" };
const cacheColumns = {
  ID: "CACHE ID",
  CacheType: "CACHE TYPE",
  Size: "SIZE",
  CreatedSince: "CREATED",
  LastUsedSince: "LAST USED",
  UsageCount: "USAGE",
  Shared: "SHARED",
};

async function longForm(usage: DiskUsage, nowMs: number): Promise<string> {
  const sections: string[] = [];
  for (const { title, columns, rows } of Object.values(kindsOf(usage, nowMs, true))) {
    const list: ListShape = { headings: columns, columns: Object.keys(columns), rowType: "" };
    sections.push(`${title}\n\n${await formatList(rows, list, "")}`);
  }
  return sections.join("\n");
}

/** One document of all kinds, or a template over it. */
async function formattedLongForm(
  context: CliContext,
  usage: DiskUsage,
  nowMs: number,
  format: string,
): Promise<void> {
  const kinds = Object.entries(kindsOf(usage, nowMs, false));
  const document = Object.fromEntries(
    kinds.map(([name, { rows, rowType }]) => [name, rows.map((row) => typedRow(plainColumns(row), rowType))]),
  );
  if (format === "json" || /^\{\{\s*json \.\s*\}\}$/.test(format)) {
    context.out(goJson(document));
    return;
  }
  const show = await documentFormat(format, {
    rootType: "*formatter.diskUsageContext",
    unreadableExit: 1,
  });
  try {
    context.out(show(document));
  } catch (thrown) {
    if (thrown instanceof FormatFailure) context.out(thrown.written);
    throw thrown;
  }
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
    const nowMs = context.io.nowMs();
    if (!values.verbose) context.out(await formatList(rowsOf(usage), shape, values.format));
    else if (values.format === "") context.out(await longForm(usage, nowMs));
    else await formattedLongForm(context, usage, nowMs, values.format);
    return 0;
  },
});
