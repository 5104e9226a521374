/** `tiffin save`. */
import { defineCommand } from "../command.ts";
import { text } from "../flags/flag.ts";
import { outputOf } from "../output-file.ts";

export const command = defineCommand({
  names: ["image save", "save"],
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Save images to a tar archive, or to standard output",
  flags: {
    output: text("o", "Write to a file, instead of STDOUT"),
    platform: text("", "Save only the image of this platform (os/arch[/variant])"),
  },
  least: 1,
  async run({ values, positionals, context }) {
    using output = outputOf(context, values.output, "save image");
    const api = await context.api();
    const query = { names: positionals, platform: values.platform || undefined };
    const { chunks } = await api.stream("imageSaveAll", { query });
    for await (const chunk of chunks) output.write(chunk);
    output.finish();
    return 0;
  },
});
