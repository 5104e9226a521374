/** `tiffin commit`. */
import { normaliseReference, parseReference } from "../../docker/reference.ts";
import { defineCommand } from "../command.ts";
import { cleanName } from "../each-container.ts";
import { list, text, toggle } from "../flags/flag.ts";

export const command = defineCommand({
  names: ["container commit", "commit"],
  usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  summary: "Create a new image from a container's changes",
  flags: {
    author: text("a", 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")'),
    change: list("c", "Apply Dockerfile instruction to the created image"),
    message: text("m", "Commit message"),
    "no-pause": toggle("", "Do not pause container during commit"),
    pause: toggle("p", "Pause container during commit", true),
  },
  least: 1,
  most: 2,
  async run({ values, positionals, context }) {
    const [name = "", reference = ""] = positionals;
    // A name that is none costs nothing.
    if (reference !== "") normaliseReference(parseReference(reference));
    const api = await context.api();
    const { Id } = await api.document("commit", {
      query: {
        container: cleanName(name),
        repo: reference || undefined,
        author: values.author || undefined,
        comment: values.message || undefined,
        changes: values.change.length > 0 ? values.change : undefined,
        pause: values.pause && !values["no-pause"],
      },
      body: null,
    });
    context.out(`${Id}\n`);
    return 0;
  },
});
