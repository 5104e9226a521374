/** `tiffin system dial-stdio`: what `ssh://` runs on the engine's machine. */
import { defineCommand } from "../command.ts";

export const command = defineCommand({
  names: ["system dial-stdio"],
  usage: "",
  summary: "Connect standard input and output to the engine (for ssh://)",
  flags: {},
  least: 0,
  most: 0,
  async run({ context }) {
    const endpoint = context.endpoint();
    if (endpoint.kind === "unix") await context.io.ensureEngine(endpoint.text).catch(() => undefined);
    const { joinStandardStreams } = await import("../../client/standard-streams.ts");
    const { unreachable } = await import("../../client/api-error.ts");
    await joinStandardStreams(endpoint).catch((thrown: unknown) => {
      throw unreachable(endpoint.text, thrown);
    });
    return 0;
  },
});
