/** `tiffin network rm`. */
import { EngineError } from "../../client/api-error.ts";
import { defineCommand } from "../command.ts";
import { describeError } from "../describe-error.ts";
import { toggle } from "../flags/flag.ts";

export const command = defineCommand({
  names: ["network remove", "network rm"],
  usage: "NETWORK [NETWORK...]",
  summary: "Remove one or more networks",
  flags: { force: toggle("f", "Do not complain about a network that does not exist") },
  least: 1,
  async run({ values, positionals, context }) {
    const api = await context.api();
    let failed = false;
    for (const name of positionals) {
      try {
        await api.perform("networkRemove", { params: { id: name } });
        context.out(`${name}\n`);
      } catch (thrown) {
        if (values.force && thrown instanceof EngineError && thrown.kind === "notFound") continue;
        context.err(`${describeError(thrown)}\n`);
        failed = true;
      }
    }
    return failed ? 1 : 0;
  },
});
