/** Registries by the names that clients give them. Pure. */
import type { AuthConfig } from "../../../docker/types/registry.ts";
import type { Credential, CredentialSource } from "../../registry/mod.ts";

const hub = "docker.io";

/** `https://index.docker.io/v1/`, `localhost:5000/`, nothing at all: the host as references have it. */
export function registryHost(address: string): string {
  const host = address.replace(/^https?:\/\//, "").split("/", 1)[0] ?? "";
  return host === "" || host === "index.docker.io" || host === "registry-1.docker.io" ? hub : host;
}

export function credentialOf(auth: AuthConfig | undefined): Credential | undefined {
  if (auth === undefined) return undefined;
  const { username = "", password = "", identitytoken = "", registrytoken = "" } = auth;
  if (username === "" && identitytoken === "" && registrytoken === "") return undefined;
  return {
    ...(username === "" ? {} : { username, password }),
    ...(identitytoken === "" ? {} : { identityToken: identitytoken }),
    ...(registrytoken === "" ? {} : { registryToken: registrytoken }),
  };
}

/** What a client sends is for the registry that it names, and for no mirror of it. */
export function credentialsFor(
  host: string,
  auth: AuthConfig | undefined,
): { readonly credentials?: CredentialSource } {
  const credential = credentialOf(auth);
  if (credential === undefined) return {};
  return { credentials: (asked) => (asked === host ? credential : undefined) };
}
