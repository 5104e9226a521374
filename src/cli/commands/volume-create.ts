/** `tiffin volume create`. */

import { defineCommand } from "../command.ts";
import { keyValueMap } from "../container-config/environment.ts";
import { list, text } from "../flags/flag.ts";

export const command = defineCommand({
  names: ["volume create"],
  usage: "[OPTIONS] [VOLUME]",
  summary: "Create a volume",
  flags: {
    driver: text("d", "Specify volume driver name", "local"),
    label: list("", "Set metadata for a volume"),
    name: text("", "Specify volume name", "", { hidden: true }),
    opt: list("o", "Set driver specific options"),
  },
  least: 0,
  most: 1,
  async run({ values, positionals, context }) {
    const [word] = positionals;
    if (word !== undefined && values.name !== "") {
      throw new Error(
        "conflicting options: cannot specify a volume-name through both --name and as a positional arg",
      );
    }
    const api = await context.api();
    const { Name } = await api.document("volumeCreate", {
      body: {
        Name: word ?? values.name,
        Driver: values.driver,
        DriverOpts: keyValueMap(values.opt),
        Labels: keyValueMap(values.label),
      },
    });
    context.out(`${Name}\n`);
    return 0;
  },
});
