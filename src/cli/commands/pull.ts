/** `tiffin pull`. */
import { normaliseReference, parseReference } from "../../docker/reference.ts";
import { defineCommand } from "../command.ts";
import { text, toggle } from "../flags/flag.ts";
import { platformFor } from "../registry/default-platform.ts";
import { pullTo } from "../registry/pull-to.ts";

export const command = defineCommand({
  names: ["image pull", "pull"],
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  summary: "Download an image from a registry",
  flags: {
    "all-tags": toggle("a", "Download all tagged images in the repository"),
    platform: text("", "Platform of the image (os/arch[/variant])"),
    quiet: toggle("q", "Show only the name of what was pulled"),
    "disable-content-trust": toggle("", "Without effect: signatures are not looked at", true, {
      hidden: true,
    }),
  },
  least: 1,
  most: 1,
  async run({ values, positionals, context }) {
    const [image = ""] = positionals;
    const reference = parseReference(image);
    const { quiet, "all-tags": allTags } = values;
    const platform = platformFor(values.platform, context.io);
    const isBare = reference.tag === undefined && reference.digest === undefined;
    if (allTags && !isBare) throw new Error("tag can't be used with --all-tags/-a");
    if (isBare && !allTags && !quiet) context.out("Using default tag: latest\n");
    await pullTo(context, { image, platform, quiet, fd: 1, allTags });
    context.out(`${allTags ? `${reference.domain}/${reference.path}` : normaliseReference(reference)}\n`);
    return 0;
  },
});
