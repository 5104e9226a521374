/** `tiffin load`. */
import { defineCommand } from "../command.ts";
import { text, toggle } from "../flags/flag.ts";
import { namedInput } from "../input-stream.ts";
import { showProgress } from "../progress-display.ts";

export const command = defineCommand({
  names: ["image load", "load"],
  usage: "[OPTIONS]",
  summary: "Load images from a tar archive or standard input",
  flags: {
    input: text("i", "Read from a file instead of standard input"),
    platform: text("", "Load only the image of this platform (os/arch[/variant])"),
    quiet: toggle("q", "Do not show how the loading gets on"),
  },
  least: 0,
  most: 0,
  async run({ values, context }) {
    if (values.input === "" && context.io.isTerminal(0)) {
      throw new Error("requested load from stdin, but stdin is empty");
    }
    const body = namedInput(context.io, values.input === "" ? "-" : values.input);
    const quiet = values.quiet || !context.io.isTerminal(1);
    const api = await context.parallelApi();
    const query = { quiet: quiet || undefined, platform: values.platform || undefined };
    await showProgress(context, api.lines("imageLoad", { query, body }));
    return 0;
  },
});
