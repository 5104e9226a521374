/**
 * Credentials as they come with requests: `X-Registry-Auth` for one registry, `X-Registry-Config` for several, and the
 * entries of Docker's config.json, which have the same form. Pure.
 */
import { type Decoded, decoderKit, optional } from "../../lib/decoders.ts";
import { own } from "../../lib/own.ts";
import type { Credential, CredentialSource } from "./contract.ts";

const kit = decoderKit({
  code: "registry.bad-credentials",
  whole: "the credentials",
  // What is shown of a wrong value could be a password.
  shownLength: 0,
  limitElements: 10_000,
  allowsNul: false,
  nullIsEmpty: true,
});

const { object, text, mapOf } = kit;

export const credentialEntry = object({
  username: optional(text),
  password: optional(text),
  /** `name:password` in base64. */
  auth: optional(text),
  serveraddress: optional(text),
  identitytoken: optional(text),
  registrytoken: optional(text),
});

const entries = mapOf(credentialEntry);

/** The host that an entry's key means: `https://index.docker.io/v1/` is `docker.io`. */
export function credentialHost(key: string): string {
  const [host = ""] = key.replace(/^https?:\/\//, "").split("/", 1);
  const isDockers = ["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"].includes(host);
  return isDockers ? "docker.io" : host;
}

function given(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

/** Undefined for an entry that says nothing. */
export function credentialOf(entry: Decoded<typeof credentialEntry>): Credential | undefined {
  const pair = Buffer.from(entry.auth ?? "", "base64").toString();
  const colon = pair.indexOf(":");
  const username = given(entry.username) ?? (colon < 0 ? undefined : pair.slice(0, colon));
  const password =
    given(entry.password) ?? (colon < 0 ? undefined : pair.slice(colon + 1).replace(/\0+$/, ""));
  const identityToken = given(entry.identitytoken);
  const registryToken = given(entry.registrytoken);
  const found: Credential = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(identityToken === undefined ? {} : { identityToken }),
    ...(registryToken === undefined ? {} : { registryToken }),
  };
  return Object.keys(found).length === 0 ? undefined : found;
}

/** JSON in base64 of either alphabet, padded or not. */
function decodeHeader(name: string, header: string): unknown {
  const json = Buffer.from(header.trim(), "base64url").toString();
  try {
    // What is in neither alphabet is passed over when it is decoded.
    if (!/^[A-Za-z0-9+/_=-]*$/.test(header.trim())) throw new SyntaxError("no base64");
    return json === "" ? {} : JSON.parse(json);
  } catch {
    throw kit.wrong(`${name} header`, undefined, "JSON in base64");
  }
}

/** The value of `X-Registry-Auth`; undefined for nobody. Throws `invalid`. */
export function decodeRegistryAuth(header: string): Credential | undefined {
  return credentialOf(credentialEntry(decodeHeader("X-Registry-Auth", header), "X-Registry-Auth"));
}

/** The value of `X-Registry-Config`. Throws `invalid`. */
export function decodeRegistryConfig(header: string): CredentialSource {
  const found = entries(decodeHeader("X-Registry-Config", header), "X-Registry-Config");
  const byHost = new Map(
    Object.entries(found).map(([key, entry]) => [credentialHost(key), credentialOf(entry)]),
  );
  return (host) => byHost.get(credentialHost(host));
}

/** Docker's config.json, as far as it is about credentials. */
export const dockerConfiguration = object({
  auths: optional(entries),
  credsStore: optional(text),
  credHelpers: optional(mapOf(text)),
});

/** The key that a host's entry has, and the name that helpers know it by. */
export function credentialKey(host: string): string {
  return credentialHost(host) === "docker.io" ? "https://index.docker.io/v1/" : host;
}

/** The helper for a host, when one is configured. */
export function helperFor(
  { credHelpers = {}, credsStore }: Decoded<typeof dockerConfiguration>,
  host: string,
): string | undefined {
  const special = [credentialKey(host), host].map((key) => own(credHelpers, key));
  return given(special.find((name) => name !== undefined) ?? credsStore);
}
