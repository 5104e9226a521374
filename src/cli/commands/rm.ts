/** `tiffin rm`. */
import { EngineError } from "../../client/api-error.ts";
import { defineCommand } from "../command.ts";
import { eachContainer } from "../each-container.ts";
import { toggle } from "../flags/flag.ts";

export const command = defineCommand({
  names: ["container remove", "container rm", "rm"],
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Remove one or more containers",
  flags: {
    force: toggle("f", "Kill a running container first"),
    link: toggle("l", "Remove the given link"),
    volumes: toggle("v", "Remove the anonymous volumes of the container"),
  },
  least: 1,
  async run({ values, positionals, context }) {
    const failed = await eachContainer(
      context,
      positionals,
      async (api, name) => {
        await api.perform("containerRemove", {
          params: { name },
          query: {
            force: values.force || undefined,
            v: values.volumes || undefined,
            link: values.link || undefined,
          },
        });
        return undefined;
      },
      // What is to be gone, is gone.
      { forgive: (thrown) => values.force && thrown instanceof EngineError && thrown.kind === "notFound" },
    );
    return failed.length === 0 ? 0 : 1;
  },
});
