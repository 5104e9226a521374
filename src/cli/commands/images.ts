/** `tiffin images`. */
import type { ImageSummary } from "../../docker/types/image.ts";
import { defineCommand } from "../command.ts";
import { filter } from "../flags/filter-flag.ts";
import { text, toggle } from "../flags/flag.ts";
import { goTime, humanDuration, humanSize } from "../format/human.ts";
import { formatList, type ListShape, type Row } from "../format/list-format.ts";

const none = "<none>";
const shortIdLength = 12;

const headings = {
  ID: "IMAGE ID",
  Repository: "REPOSITORY",
  Tag: "TAG",
  Digest: "DIGEST",
  CreatedSince: "CREATED",
  CreatedAt: "CREATED AT",
  Size: "SIZE",
  Containers: "CONTAINERS",
  VirtualSize: "VIRTUAL SIZE",
  SharedSize: "SHARED SIZE",
  UniqueSize: "UNIQUE SIZE",
};

interface Name {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

/** Splits `host:5000/a/b:tag` where the tag begins. */
function splitTag(reference: string): { readonly repository: string; readonly tag: string } {
  const colon = reference.lastIndexOf(":");
  if (colon <= reference.lastIndexOf("/")) return { repository: reference, tag: none };
  return { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}

/** One line per tag, or per digest where there is no tag; an image without either has one line. */
function namesOf(image: ImageSummary, showDigests: boolean): Name[] {
  const digests = image.RepoDigests.map((text) => {
    const at = text.indexOf("@");
    return { repository: text.slice(0, at), digest: text.slice(at + 1) };
  });
  const tags = image.RepoTags.filter((tag) => tag !== "<none>:<none>").map(splitTag);
  const names: Name[] = tags.map(({ repository, tag }) => {
    const digest = showDigests ? digests.find((one) => one.repository === repository)?.digest : undefined;
    return { repository, tag, digest: digest ?? none };
  });
  for (const { repository, digest } of digests) {
    if (!tags.some((one) => one.repository === repository)) names.push({ repository, tag: none, digest });
  }
  return names.length > 0 ? names : [{ repository: none, tag: none, digest: none }];
}

function countOrUnknown(count: number, show: (count: number) => string): string {
  return count < 0 ? "N/A" : show(count);
}

/** The lines of one image as columns. */
export function imageRows(
  image: ImageSummary,
  options: { readonly truncate: boolean; readonly digests: boolean; readonly nowMs: number },
): Row[] {
  const hex = image.Id.replace(/^sha256:/, "");
  return namesOf(image, options.digests).map((name) => ({
    ID: options.truncate ? hex.slice(0, shortIdLength) : image.Id,
    Repository: name.repository,
    Tag: name.tag,
    Digest: name.digest,
    CreatedSince: image.Created > 0 ? `${humanDuration(options.nowMs / 1000 - image.Created)} ago` : "N/A",
    CreatedAt: goTime(image.Created),
    Size: humanSize(image.Size),
    VirtualSize: humanSize(image.Size, 4),
    Containers: countOrUnknown(image.Containers, String),
    SharedSize: countOrUnknown(image.SharedSize, (size) => humanSize(size)),
    UniqueSize: countOrUnknown(image.SharedSize, (size) => humanSize(image.Size - size)),
  }));
}

function shapeOf(digests: boolean): ListShape {
  const columns = ["Repository", "Tag", ...(digests ? ["Digest"] : []), "ID", "CreatedSince", "Size"];
  return { headings, columns, rowType: "*formatter.imageContext" };
}

export const command = defineCommand({
  names: ["image ls", "image list", "images"],
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  summary: "List images",
  flags: {
    all: toggle("a", "Show intermediate images too"),
    digests: toggle("", "Show digests"),
    filter,
    format: text("", "How to print: 'table', 'table TEMPLATE', 'json', or a Go template"),
    "no-trunc": toggle("", "Do not shorten the output"),
    quiet: toggle("q", "Show only IDs"),
  },
  least: 0,
  most: 1,
  async run({ values, positionals, context }) {
    const api = await context.api();
    const [reference] = positionals;
    const filters = { ...values.filter };
    if (reference !== undefined) filters["reference"] = [...(filters["reference"] ?? []), reference];
    const images = await api.document("imageList", {
      query: {
        all: values.all || undefined,
        filters: Object.keys(filters).length > 0 ? filters : undefined,
      },
    });
    const newestFirst = [...images].sort((a, b) => b.Created - a.Created);
    const options = { truncate: !values["no-trunc"], digests: values.digests, nowMs: context.io.nowMs() };
    if (values.quiet && values.format === "") {
      const rows = newestFirst.flatMap((image) => imageRows(image, options));
      context.out(rows.map((row) => `${row["ID"]}\n`).join(""));
      return 0;
    }
    const detailed = { ...options, digests: options.digests || values.format !== "" };
    const rows = newestFirst.flatMap((image) => imageRows(image, detailed));
    context.out(await formatList(rows, shapeOf(values.digests), values.format));
    return 0;
  },
});
