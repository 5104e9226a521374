/** `tiffin export`. */
import { defineCommand } from "../command.ts";
import { cleanName } from "../each-container.ts";
import { text } from "../flags/flag.ts";
import { outputOf } from "../output-file.ts";

export const command = defineCommand({
  names: ["container export", "export"],
  usage: "[OPTIONS] CONTAINER",
  summary: "Export a container's filesystem as a tar archive",
  flags: {
    output: text("o", "Write to a file, instead of STDOUT"),
  },
  least: 1,
  most: 1,
  async run({ values, positionals, context }) {
    const name = cleanName(positionals[0] ?? "");
    using output = outputOf(context, values.output, "export container");
    const api = await context.api();
    const { chunks } = await api.stream("containerExport", { params: { name } });
    for await (const chunk of chunks) output.write(chunk);
    output.finish();
    return 0;
  },
});
