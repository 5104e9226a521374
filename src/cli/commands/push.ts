/** `tiffin push`. */
import { normaliseReference, parseReference } from "../../docker/reference.ts";
import { defineCommand } from "../command.ts";
import { text, toggle } from "../flags/flag.ts";
import { showProgress } from "../progress-display.ts";
import { credentialsOf } from "../registry/credentials.ts";

export const command = defineCommand({
  names: ["image push", "push"],
  usage: "[OPTIONS] NAME[:TAG]",
  summary: "Upload an image to a registry",
  flags: {
    "all-tags": toggle("a", "Push all tags of the image's repository"),
    platform: text("", "Push only the image of this platform (os/arch[/variant])"),
    quiet: toggle("q", "Show only the name of what was pushed"),
    "disable-content-trust": toggle("", "Without effect: images are not signed", true, { hidden: true }),
  },
  least: 1,
  most: 1,
  async run({ values, positionals, context }) {
    const [name = ""] = positionals;
    const reference = parseReference(name);
    const all = values["all-tags"];
    if (reference.digest !== undefined) throw new Error("cannot push a digest reference");
    if (all && reference.tag !== undefined) throw new Error("tag can't be used with --all-tags/-a");
    if (!all && reference.tag === undefined && !values.quiet) context.out("Using default tag: latest\n");
    const auth = credentialsOf(context.io, reference.domain);
    const api = await context.parallelApi();
    const lines = api.lines("imagePush", {
      params: { name: `${reference.domain}/${reference.path}` },
      query: {
        tag: all ? undefined : (reference.tag ?? "latest"),
        platform: values.platform || undefined,
      },
      // The engine takes who the client is from here alone, so it is told that nobody is, too.
      headers: { "x-registry-auth": auth ?? {} },
    });
    await showProgress(context, lines, { quiet: values.quiet });
    if (values.quiet) context.out(`${normaliseReference(reference)}\n`);
    return 0;
  },
});
