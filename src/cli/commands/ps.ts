/** `tiffin ps`. */
import type { ContainerSummary, PortSummary } from "../../docker/types/container.ts";
import { own } from "../../lib/own.ts";
import { defineCommand } from "../command.ts";
import { filter } from "../flags/filter-flag.ts";
import { custom, parseInteger, text, toggle } from "../flags/flag.ts";
import { ellipsis, goTime, humanDuration, humanSize } from "../format/human.ts";
import { formatList, type ListShape, type Row } from "../format/list-format.ts";
import { goQuote } from "../template/quote.ts";

const shortIdLength = 12;
const shownCommandLength = 20;

const headings = {
  ID: "CONTAINER ID",
  Image: "IMAGE",
  Command: "COMMAND",
  CreatedAt: "CREATED AT",
  RunningFor: "CREATED",
  Ports: "PORTS",
  State: "STATE",
  Status: "STATUS",
  Size: "SIZE",
  Names: "NAMES",
  Labels: "LABELS",
  Mounts: "MOUNTS",
  LocalVolumes: "LOCAL VOLUMES",
  Networks: "NETWORKS",
  Platform: "PLATFORM",
  Label: "",
};

function comparePorts(a: PortSummary, b: PortSummary): number {
  if (a.PrivatePort !== b.PrivatePort) return a.PrivatePort - b.PrivatePort;
  if ((a.IP ?? "") !== (b.IP ?? "")) return (a.IP ?? "") < (b.IP ?? "") ? -1 : 1;
  if (a.PublicPort !== b.PublicPort) return (a.PublicPort ?? 0) - (b.PublicPort ?? 0);
  return a.Type < b.Type ? -1 : Number(a.Type > b.Type);
}

function joinHostPort(host: string, port: string): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Runs of ports that are the same inside and outside, or not published, as one entry each; then the others one by one. */
export function displayPorts(ports: readonly PortSummary[]): string {
  interface Run {
    readonly ip: string;
    readonly type: string;
    readonly first: number;
    last: number;
  }
  const open = new Map<string, Run>();
  const finished: Run[] = [];
  const mapped: string[] = [];
  for (const port of [...ports].sort(comparePorts)) {
    const ip = port.IP ?? "";
    if (ip !== "" && port.PublicPort !== port.PrivatePort) {
      mapped.push(`${joinHostPort(ip, String(port.PublicPort ?? 0))}->${port.PrivatePort}/${port.Type}`);
      continue;
    }
    const key = `${ip}/${port.Type}`;
    const run = open.get(key);
    if (run !== undefined && port.PrivatePort === run.last + 1) run.last = port.PrivatePort;
    else {
      if (run !== undefined) finished.push(run);
      open.set(key, { ip, type: port.Type, first: port.PrivatePort, last: port.PrivatePort });
    }
  }
  const runs = [...finished, ...open.values()].map((run) => {
    const range = run.first === run.last ? String(run.first) : `${run.first}-${run.last}`;
    return run.ip === "" ? `${range}/${run.type}` : `${joinHostPort(run.ip, range)}->${range}/${run.type}`;
  });
  return [...runs, ...mapped].join(", ");
}

/** Names of the container itself; a name with a further slash is another container's link to it. */
function ownNames(names: readonly string[]): string[] {
  return names.map(withoutSlash).filter((name) => !name.includes("/"));
}

function withoutSlash(name: string): string {
  return name.startsWith("/") ? name.slice(1) : name;
}

function sizeText(container: ContainerSummary): string {
  const written = humanSize(container.SizeRw ?? 0);
  const all = container.SizeRootFs ?? 0;
  return all > 0 ? `${written} (virtual ${humanSize(all)})` : written;
}

interface RowOptions {
  readonly truncate: boolean;
  readonly nowMs: number;
}

/** One container as columns, each worked out when it is asked for: most tables show few of them. */
export function containerRow(container: ContainerSummary, { truncate, nowMs }: RowOptions): Row {
  return {
    get ID() {
      return truncate ? container.Id.slice(0, shortIdLength) : container.Id;
    },
    get Image() {
      return container.Image === "" ? "<no image>" : shownImage(container, truncate);
    },
    get Command() {
      return goQuote(truncate ? ellipsis(container.Command, shownCommandLength) : container.Command);
    },
    get CreatedAt() {
      return goTime(container.Created);
    },
    get RunningFor() {
      return `${humanDuration(nowMs / 1000 - container.Created)} ago`;
    },
    get Ports() {
      return container.Ports.length === 0 ? "" : displayPorts(container.Ports);
    },
    State: container.State,
    Status: container.Status,
    get Size() {
      return sizeText(container);
    },
    get Names() {
      const names = truncate ? ownNames(container.Names) : container.Names.map(withoutSlash);
      return names.join(",");
    },
    get Labels() {
      return Object.entries(container.Labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(",");
    },
    get Mounts() {
      const mounts = container.Mounts.map((mount) => mount.Name || mount.Source);
      return (truncate ? mounts.map((mount) => ellipsis(mount, 15)) : mounts).join(",");
    },
    get LocalVolumes() {
      return String(container.Mounts.filter((mount) => mount.Driver === "local").length);
    },
    get Networks() {
      return Object.keys(container.NetworkSettings?.Networks ?? {}).join(",");
    },
    Platform: null,
    Label: (name: unknown) => own(container.Labels, String(name)) ?? "",
  };
}

/** An image that lost its name is shown by its ID. */
function shownImage(container: ContainerSummary, truncate: boolean): string {
  const { Image } = container;
  const hex = /^(?:sha256:)?([0-9a-f]{64})$/.exec(Image)?.[1];
  return truncate && hex !== undefined ? hex.slice(0, shortIdLength) : Image;
}

function shapeOf(size: boolean): ListShape {
  const columns = [
    "ID",
    "Image",
    "Command",
    "RunningFor",
    "Status",
    "Ports",
    "Names",
    ...(size ? ["Size"] : []),
  ];
  return { headings, columns, rowType: "*formatter.ContainerContext" };
}

export const command = defineCommand({
  names: ["container ls", "container list", "container ps", "ps"],
  usage: "[OPTIONS]",
  summary: "List containers",
  flags: {
    all: toggle("a", "Show all containers, not only those that run"),
    filter,
    format: text("", "How to print: 'table', 'table TEMPLATE', 'json', or a Go template"),
    last: custom(
      "n",
      "int",
      "Show the newest so many containers, whatever their state",
      -1,
      (_before, value) => parseInteger(value),
      {
        shownDefault: "-1",
      },
    ),
    latest: toggle("l", "Show the newest container, whatever its state"),
    "no-trunc": toggle("", "Do not shorten the output"),
    quiet: toggle("q", "Show only IDs"),
    size: toggle("s", "Show file sizes"),
  },
  least: 0,
  most: 0,
  async run({ values, context }) {
    const api = await context.api();
    const limit = values.latest ? 1 : values.last;
    // A template that shows sizes needs them, asked for or not.
    const size = values.size || /\.Size\b/.test(values.format);
    const containers = await api.document("containerList", {
      query: {
        all: values.all || undefined,
        limit: limit > 0 ? limit : undefined,
        size: size || undefined,
        filters: Object.keys(values.filter).length > 0 ? values.filter : undefined,
      },
    });
    const options = { truncate: !values["no-trunc"], nowMs: context.io.nowMs() };
    if (values.quiet) {
      if (values.format !== "")
        context.err("WARNING: Ignoring custom format, because both --format and --quiet are set.\n");
      const length = options.truncate ? shortIdLength : undefined;
      context.out(containers.map((one) => `${one.Id.slice(0, length)}\n`).join(""));
      return 0;
    }
    const rows = containers.map((one) => containerRow(one, options));
    context.out(await formatList(rows, shapeOf(values.size), values.format));
    return 0;
  },
});
