/** Manifests that registries have, asked for through the engine with what the user's configuration says of the registry. */
import { EngineError } from "../../client/api-error.ts";
import { parseReference } from "../../docker/reference.ts";
import type { RegistryManifests } from "../../docker/types/registry.ts";
import type { CliContext } from "../context.ts";
import { credentialsOf } from "../registry/credentials.ts";
import { type KeptManifest, keptOf } from "./manifest-document.ts";

export interface Asking {
  /** The contents of the manifests of a list, too. */
  readonly contents?: boolean;
  readonly insecure: boolean;
}

/** `name` in full. Throws in Docker's words for one that is not there. */
export async function manifestsOf(
  context: CliContext,
  name: string,
  { contents = false, insecure }: Asking,
): Promise<RegistryManifests> {
  const auth = credentialsOf(context.io, parseReference(name).domain);
  const api = await context.api();
  try {
    return await api.document("registryManifests", {
      params: { name },
      query: { contents: contents || undefined, insecure: insecure || undefined },
      headers: auth === undefined ? {} : { "x-registry-auth": auth },
    });
  } catch (thrown) {
    if (thrown instanceof EngineError && thrown.kind === "notFound")
      throw new Error(`no such manifest: ${name}`);
    throw thrown;
  }
}

/** The one manifest under a name. */
export async function oneManifest(context: CliContext, name: string, asking: Asking): Promise<KeptManifest> {
  const { IsList, Manifests } = await manifestsOf(context, name, asking);
  const [manifest] = Manifests;
  if (IsList || manifest === undefined) throw new Error(`${name} is a manifest list`);
  return keptOf(manifest);
}
