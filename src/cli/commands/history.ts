/** `tiffin history`. */
import type { ImageHistoryItem } from "../../docker/types/image.ts";
import { defineCommand } from "../command.ts";
import { text, toggle } from "../flags/flag.ts";
import { ellipsis, humanDuration, humanSize } from "../format/human.ts";
import { formatList, type ListShape, type Row } from "../format/list-format.ts";

const shortIdLength = 12;
const createdByWidth = 45;

const shape: ListShape = {
  headings: {
    ID: "IMAGE",
    CreatedSince: "CREATED",
    CreatedAt: "CREATED AT",
    CreatedBy: "CREATED BY",
    Size: "SIZE",
    Comment: "COMMENT",
  },
  columns: ["ID", "CreatedSince", "CreatedBy", "Size", "Comment"],
  rowType: "*formatter.historyContext",
};

function shapeOf(human: boolean): ListShape {
  return human ? shape : { ...shape, columns: ["ID", "CreatedAt", "CreatedBy", "Size", "Comment"] };
}

interface Shown {
  readonly truncate: boolean;
  readonly human: boolean;
  readonly nowMs: number;
}

function createdSince(seconds: number, { human, nowMs }: Shown): string {
  if (!human) return createdAt(seconds);
  return seconds > 0 ? `${humanDuration(nowMs / 1000 - seconds)} ago` : "N/A";
}

function createdAt(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}

function rowOf(item: ImageHistoryItem, shown: Shown): Row {
  const createdBy = item.CreatedBy.replaceAll("\t", " ");
  const id = item.Id.replace(/^sha256:/, "").slice(0, shortIdLength);
  return {
    ID: shown.truncate ? id : item.Id,
    CreatedSince: createdSince(item.Created, shown),
    CreatedAt: createdAt(item.Created),
    CreatedBy: shown.truncate ? ellipsis(createdBy, createdByWidth) : createdBy,
    Size: shown.human ? humanSize(item.Size) : String(item.Size),
    Comment: item.Comment,
  };
}

export const command = defineCommand({
  names: ["image history", "history"],
  usage: "[OPTIONS] IMAGE",
  summary: "Show the history of an image",
  flags: {
    format: text("", "How to print: 'table', 'table TEMPLATE', 'json', or a Go template"),
    human: toggle("H", "Print sizes and times for people", true),
    "no-trunc": toggle("", "Do not shorten the output"),
    platform: text("", "Fail unless the image is for this platform (os[/arch[/variant]])"),
    quiet: toggle("q", "Show only IDs"),
  },
  least: 1,
  most: 1,
  async run({ values, positionals, context }) {
    const [name = ""] = positionals;
    const api = await context.api();
    const items = await api.document("imageHistory", {
      params: { name },
      query: { platform: values.platform || undefined },
    });
    const shown = { truncate: !values["no-trunc"], human: values.human, nowMs: context.io.nowMs() };
    const rows = items.map((item) => rowOf(item, shown));
    if (values.quiet) context.out(rows.map((row) => `${row["ID"]}\n`).join(""));
    else context.out(await formatList(rows, shapeOf(values.human), values.format));
    return 0;
  },
});
