/** `tiffin search`. */
import { defineCommand } from "../command.ts";
import { filter } from "../flags/filter-flag.ts";
import { integer, text, toggle } from "../flags/flag.ts";
import { ellipsis } from "../format/human.ts";
import { formatList, type ListShape } from "../format/list-format.ts";
import { credentialsOf } from "../registry/credentials.ts";

const descriptionWidth = 45;

const shape: ListShape = {
  headings: {
    Name: "NAME",
    Description: "DESCRIPTION",
    StarCount: "STARS",
    IsOfficial: "OFFICIAL",
  },
  columns: ["Name", "Description", "StarCount", "IsOfficial"],
  rowType: "*formatter.searchContext",
};

const ok = (flag: boolean): string => (flag ? "[OK]" : "");

export const command = defineCommand({
  names: ["search"],
  usage: "[OPTIONS] TERM",
  summary: "Search a registry for images",
  flags: {
    filter,
    format: text("", "How to print: 'table', 'table TEMPLATE', 'json', or a Go template"),
    limit: integer("", "Most results"),
    "no-trunc": toggle("", "Do not shorten the output"),
  },
  least: 1,
  most: 1,
  async run({ values, positionals, context }) {
    const [term = ""] = positionals;
    const first = term.split("/", 1)[0] ?? "";
    const auth = credentialsOf(context.io, /[.:]/.test(first) && term.includes("/") ? first : "docker.io");
    const api = await context.api();
    const found = await api.document("imageSearch", {
      query: {
        term,
        limit: values.limit,
        filters: Object.keys(values.filter).length === 0 ? undefined : values.filter,
      },
      headers: auth === undefined ? {} : { "x-registry-auth": auth },
    });
    // Docker marks for people what it says in words to programs.
    const asJson = values.format === "json" || /^\{\{\s*json \.\s*\}\}$/.test(values.format);
    const rows = found.map((one) => {
      const description = one.description.replace(/[\r\n]/g, " ");
      return {
        Name: one.name,
        Description: values["no-trunc"] ? description : ellipsis(description, descriptionWidth),
        StarCount: String(one.star_count),
        IsOfficial: asJson ? String(one.is_official) : ok(one.is_official),
      };
    });
    context.out(await formatList(rows, shape, values.format));
    return 0;
  },
});
