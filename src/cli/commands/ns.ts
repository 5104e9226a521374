/** `tiffin ns`: the namespaces of the machine and who lives in them. */
import { defineCommand } from "../command.ts";
import { list, toggle } from "../flags/flag.ts";
import { containerNames } from "../observed-target.ts";
import { writeObserved } from "../write-observed.ts";

const types = ["user", "mnt", "pid", "net", "uts", "ipc", "cgroup", "time"];

export const command = defineCommand({
  names: ["ns"],
  usage: "[OPTIONS]",
  summary: "List the namespaces of this machine and who lives in them",
  flags: {
    json: toggle("", "Print JSON"),
    type: list("t", `Only namespaces of this type: ${types.join(", ")}`, (value) => {
      if (types.includes(value)) return value;
      throw new Error(`must be one of ${types.join(", ")}`);
    }),
  },
  least: 0,
  most: 0,
  async run({ values, context }) {
    const observer = await context.io.observer();
    return writeObserved(
      context,
      await observer.namespaces(values.type, await containerNames(context)),
      values.json,
    );
  },
});
