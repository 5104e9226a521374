/** `tiffin cgroup`: limits, usage and pressure of a container, level by level. */
import { defineCommand } from "../command.ts";
import { toggle } from "../flags/flag.ts";
import { findTarget } from "../observed-target.ts";
import { writeObserved } from "../write-observed.ts";

export const command = defineCommand({
  names: ["cgroup"],
  usage: "[OPTIONS] CONTAINER|PID",
  summary: "Show limits, usage and pressure of a container's control groups, up to the root",
  flags: {
    container: toggle("c", "The argument is a container, even when it consists of digits"),
    json: toggle("", "Print JSON"),
  },
  least: 1,
  most: 1,
  async run({ values, positionals, context }) {
    const target = await findTarget(context, positionals[0] ?? "", undefined, values.container);
    const observer = await context.io.observer();
    return writeObserved(context, observer.groups(target), values.json);
  },
});
