/** `tiffin check`: can this machine run containers? The exit code says the worst of what was found. */

import { useColour } from "../colour.ts";
import { defineCommand } from "../command.ts";
import { toggle } from "../flags/flag.ts";
import { writeObserved } from "../write-observed.ts";

export const command = defineCommand({
  names: ["check"],
  usage: "[OPTIONS]",
  summary: "Check whether this machine can run containers, and what is in the way",
  details: "The exit code is 0 when all is well, 1 when something is limited, 2 when something is missing.",
  flags: { json: toggle("", "Print JSON") },
  least: 0,
  most: 0,
  async run({ values, context }) {
    const observer = await context.io.observer();
    const result = observer.check(useColour(context.io));
    writeObserved(context, result, values.json);
    return result.exitCode;
  },
});
