/** Options before the command. */
import { text, toggle } from "./flags/flag.ts";

export const globalFlags = {
  config: text("", "Location of client configuration files", "", { hidden: true }),
  context: text("c", "Name of a context", "", { hidden: true }),
  debug: toggle("D", "Enable debug mode", false, { hidden: true }),
  host: text("H", "Address of the engine (unix:///PATH)"),
  "log-level": text("l", "Logging level", "", { hidden: true }),
  version: toggle("v", "Print the version and quit"),
};
