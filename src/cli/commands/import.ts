/** `tiffin import`. */
import { parseReference } from "../../docker/reference.ts";
import { defineCommand } from "../command.ts";
import { list, text } from "../flags/flag.ts";
import { namedInput } from "../input-stream.ts";
import { showProgress } from "../progress-display.ts";
import { platformFor } from "../registry/default-platform.ts";

async function* nothing(): AsyncGenerator<Uint8Array> {}

export const command = defineCommand({
  names: ["image import", "import"],
  usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
  summary: "Make an image from the tar of a root file system",
  flags: {
    change: list("c", "Apply an instruction of a Dockerfile to the image"),
    message: text("m", "Commit message of the image"),
    platform: text("", "Platform of the image (os/arch[/variant])"),
  },
  least: 1,
  most: 2,
  async run({ values, positionals, context }) {
    const [source = "", reference = ""] = positionals;
    // A name that is none costs nothing.
    if (reference !== "") parseReference(reference);
    const isUrl = /^https?:\/\//.test(source);
    const body = isUrl ? nothing() : namedInput(context.io, source);
    const api = await context.parallelApi();
    const query = {
      fromSrc: isUrl ? source : "-",
      repo: reference || undefined,
      message: values.message || undefined,
      changes: values.change,
      platform: platformFor(values.platform, context.io) || undefined,
    };
    await showProgress(context, api.lines("imageCreate", { query, body }));
    return 0;
  },
});
