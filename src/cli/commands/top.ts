/** `tiffin top`. */
import { defineCommand } from "../command.ts";
import { cleanName } from "../each-container.ts";
import { alignColumns } from "../format/column-table.ts";

/** As Docker's: at least so wide, with three spaces after it. */
const columnWidth = 20;

export const command = defineCommand({
  names: ["container top", "top"],
  usage: "CONTAINER [ps OPTIONS]",
  summary: "Display the running processes of a container",
  flags: {},
  least: 1,
  interspersed: false,
  async run({ positionals, context }) {
    const [name = "", ...psArguments] = positionals;
    const api = await context.api();
    const { Titles, Processes } = await api.document("containerTop", {
      params: { name: cleanName(name) },
      query: { ps_args: psArguments.join(" ") || undefined },
    });
    const lines = [Titles, ...Processes].map((fields) => fields.join("\t"));
    context.out(alignColumns(lines, columnWidth));
    return 0;
  },
});
