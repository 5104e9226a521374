/** `tiffin rmi`. */
import { EngineError } from "../../client/api-error.ts";
import { defineCommand } from "../command.ts";
import { describeError } from "../describe-error.ts";
import { strings, toggle } from "../flags/flag.ts";

export const command = defineCommand({
  names: ["image rm", "image remove", "rmi"],
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Remove one or more images",
  flags: {
    force: toggle("f", "Remove the image whatever its names and stopped containers"),
    "no-prune": toggle("", "Keep untagged parents"),
    platform: strings("", "Remove the image only if it is for this platform (os[/arch[/variant]])"),
  },
  least: 1,
  async run({ values, positionals, context }) {
    const api = await context.api();
    let failed = false;
    const failures: string[] = [];
    for (const name of positionals) {
      try {
        const done = await api.document("imageRemove", {
          params: { name },
          query: {
            force: values.force || undefined,
            noprune: values["no-prune"] || undefined,
            platforms: values.platform,
          },
        });
        const lines = done.map(({ Untagged, Deleted }) =>
          Deleted === undefined ? `Untagged: ${Untagged ?? ""}\n` : `Deleted: ${Deleted}\n`,
        );
        context.out(lines.join(""));
      } catch (thrown) {
        // What is to be gone, is gone.
        const isGone = thrown instanceof EngineError && thrown.kind === "notFound";
        failed ||= !(values.force && isGone);
        failures.push(describeError(thrown));
      }
    }
    context.err(failures.map((failure) => `${failure}\n`).join(""));
    return failed ? 1 : 0;
  },
});
