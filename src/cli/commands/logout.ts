/** `tiffin logout`. */
import { defineCommand } from "../command.ts";
import { eraseCredentials, hubServer, serverOf } from "../registry/credentials.ts";

export const command = defineCommand({
  names: ["logout"],
  usage: "[SERVER]",
  summary: "Log out from a registry",
  flags: {},
  least: 0,
  most: 1,
  async run({ positionals, context }) {
    const [host = ""] = positionals;
    const server = serverOf(host);
    const shown = server === hubServer ? hubServer : host;
    // It says so as well where nobody was logged in, as docker does.
    context.out(`Removing login credentials for ${shown}\n`);
    eraseCredentials(context.io, host);
    return 0;
  },
});
