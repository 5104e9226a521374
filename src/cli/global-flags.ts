/** Options before the command. */
import { text, toggle } from "./flags/flag.ts";

export const globalFlags = {
  config: text("", "Location of client configuration files", "", { hidden: true }),
  context: text("c", "Name of a context", "", { hidden: true }),
  debug: toggle("D", "Tell failures of a start with the operations around them"),
  host: text("H", "Address of the engine (unix:///PATH)"),
  "log-level": text("l", "Logging level", "", { hidden: true }),
  version: toggle("v", "Print the version and quit"),
};
