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
    const wasThere = eraseCredentials(context.io, host);
    context.out(wasThere ? `Removing login credentials for ${shown}\n` : `Not logged in to ${shown}\n`);
    return 0;
  },
});
