/** Options before the command. */
import { text, toggle } from "./flags/flag.ts";

export const globalFlags = {
  config: text("", "Location of client configuration files", "", { hidden: true }),
  context: text("c", "A context instead of an address (see: tiffin context)"),
  debug: toggle("D", "Tell failures of a start with the operations around them"),
  host: text("H", "Address of the engine (unix:///PATH, tcp://HOST:PORT, ssh://HOST)"),
  "log-level": text("l", "Logging level", "", { hidden: true }),
  tls: toggle("", "Use TLS, and take any certificate of the engine"),
  tlsverify: toggle("", "Use TLS, and check the engine's certificate"),
  tlscacert: text("", "The authority that has signed the engine's certificate"),
  tlscert: text("", "The certificate to show"),
  tlskey: text("", "The key of the certificate to show"),
  version: toggle("v", "Print the version and quit"),
};
