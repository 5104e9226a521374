/** Which engine a command line means, where an address of a unix socket does not say it: contexts and certificates. */
import { type Endpoint, namedEndpoint, type TlsSettings } from "../client/endpoint.ts";
import type { Values } from "./flags/flag.ts";
import type { globalFlags } from "./global-flags.ts";
import { CallerNeeded, type CliIo } from "./io.ts";

type GlobalValues = Values<typeof globalFlags>;

/** Undefined: the address alone says it, or there is none and nothing else is said. */
export async function chooseEngine(values: GlobalValues, io: CliIo): Promise<Endpoint | undefined> {
  const { host, context } = values;
  if (host !== "" && context !== "") {
    throw new Error("conflicting options: cannot specify both --host and --context");
  }
  const named = context === "" ? namedEndpoint(host, io.env) : undefined;
  if (named?.startsWith("unix:")) return undefined;
  // A front looks for contexts before it asks; then there are none.
  if (io.engineAtHand !== undefined && context === "") return undefined;
  if (named === undefined && context === "" && !mayHaveContext(io)) return undefined;
  if (io.engineAtHand !== undefined) throw new CallerNeeded("contexts");
  const { chosenEndpoint } = await import("../client/chosen-endpoint.ts");
  return chosenEndpoint({ host: named, context: context || undefined, tls: tlsOf(values, io), env: io.env });
}

function mayHaveContext({ env, isThere }: CliIo): boolean {
  if (env["TIFFIN_CONTEXT"] || env["DOCKER_CONTEXT"]) return true;
  return isThere(`${env["DOCKER_CONFIG"] || `${env["HOME"] || "/root"}/.docker`}/tiffin.json`);
}

/** Undefined where the options say nothing of it. */
function tlsOf(values: GlobalValues, io: CliIo): TlsSettings | undefined {
  const { tls, tlsverify, tlscacert, tlscert, tlskey } = values;
  if (!tls && !tlsverify && [tlscacert, tlscert, tlskey].every((file) => file === "")) return undefined;
  if ((tlscert === "") !== (tlskey === "")) throw new Error("--tlscert and --tlskey belong together");
  const read = (path: string): string | undefined => {
    if (path === "") return undefined;
    try {
      return new TextDecoder().decode(io.readFile(path));
    } catch (cause) {
      throw new Error(`cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
      });
    }
  };
  return { ca: read(tlscacert), cert: read(tlscert), key: read(tlskey), verify: tlsverify || !tls };
}
