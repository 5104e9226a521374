/** `tiffin volume rm`. */
import { defineCommand } from "../command.ts";
import { describeError } from "../describe-error.ts";
import { toggle } from "../flags/flag.ts";

export const command = defineCommand({
  names: ["volume rm", "volume remove"],
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  summary: "Remove one or more volumes",
  flags: { force: toggle("f", "Force the removal of one or more volumes") },
  least: 1,
  async run({ values, positionals, context }) {
    const api = await context.api();
    let failed = false;
    for (const name of positionals) {
      try {
        await api.perform("volumeRemove", { params: { name }, query: { force: values.force || undefined } });
        context.out(`${name}\n`);
      } catch (thrown) {
        failed = true;
        context.err(`${describeError(thrown)}\n`);
      }
    }
    return failed ? 1 : 0;
  },
});
