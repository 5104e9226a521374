/** What a build gets from its client beside its request, asked for when it is needed: by the classic route, or by a session. */
import type { AuthConfig } from "../../docker/types/registry.ts";
import type { ByteDuplex } from "../../lib/byte-duplex.ts";
import type { LocalSource, VertexOutput } from "./graph/mod.ts";

/** A directory of the client's. */
export interface LocalContext {
  /**
   * Puts the files into the directory, which is the engine's own, mode 0700. Everything in it is to be root's. What an earlier build with
   * the same `sharedKey` left there may be there already: then it is brought up to date, which is why this may delete too.
   * How many bytes all of its files have, where a context that is kept knows.
   */
  receive(
    directory: string,
    wanted: Omit<LocalSource, "kind" | "name">,
    signal: AbortSignal,
  ): Promise<number | undefined>;
  /** What is the same for the same directory of the same client; absent: nothing is kept. */
  readonly sharedKey?: string;
  /** A path of ours that leads to it: it is read there and never written to, and nothing is received. */
  readonly inPlace?: string;
  /** All of it comes at once, whatever is wanted, and once. */
  readonly comesWhole?: boolean;
}

/** What a name means: `--build-context NAME=...`, and the main context and the Dockerfile's place, which have names too. */
export type NamedContext =
  | { readonly kind: "local"; readonly local: LocalContext }
  | { readonly kind: "image"; readonly reference: string }
  /** git or http(s), as Docker writes it. */
  | { readonly kind: "remote"; readonly url: string }
  /** Something that is built itself. */
  | { readonly kind: "vertex"; readonly output: VertexOutput };

export const mainContextName = "context";
/** Where the Dockerfile is, when that is not the main context. */
export const dockerfileContextName = "dockerfile";

export interface BuildInputs {
  /** By name. */
  readonly contexts: ReadonlyMap<string, NamedContext>;
  /** Undefined: there is none of that id. */
  secret(id: string): Promise<Uint8Array | undefined>;
  /** Whether there is an agent of that id. */
  hasAgent(id: string): Promise<boolean>;
  /** A new connection to it. */
  connectAgent(id: string): Promise<ByteDuplex>;
  /** For a registry's host, as `Docker` names it (`docker.io`, `localhost:5000`). */
  credentials(host: string): Promise<AuthConfig | undefined>;
}

/** Nothing but what is given. */
export function inputsOf(given: Partial<BuildInputs>): BuildInputs {
  return {
    contexts: given.contexts ?? new Map(),
    secret: given.secret ?? (async () => undefined),
    hasAgent: given.hasAgent ?? (async () => false),
    connectAgent:
      given.connectAgent ??
      (async (id) => {
        throw new Error(`there is no ssh agent ${JSON.stringify(id)}`);
      }),
    credentials: given.credentials ?? (async () => undefined),
  };
}
