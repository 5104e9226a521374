/** `hosts.toml` of containerd: which hosts serve a registry, in order, and how each is spoken to. */
import { isAbsolute, join } from "node:path";
import { type Decoded, type Decoder, optional } from "../../lib/decoders.ts";
import { TiffinError } from "../../lib/errors.ts";
import { readPem } from "./certificates.ts";
import type { TlsMaterial } from "./exchange.ts";
import { closed, flag, list, mapOf, text } from "./file-decoders.ts";
import { readToml } from "./toml-file.ts";

const oneOrMore: Decoder<readonly string[]> = (value, path) =>
  typeof value === "string" ? [value] : list(text)(value, path);

/** `"both.pem"`, `["both.pem"]`, `[["client.cert", "client.key"]]`. */
const pairs: Decoder<readonly (readonly string[])[]> = (value, path) =>
  typeof value === "string" ? [[value]] : list(oneOrMore)(value, path);

const hostShape = {
  capabilities: optional(list(text)),
  ca: optional(oneOrMore),
  client: optional(pairs),
  skip_verify: optional(flag),
  override_path: optional(flag),
  header: optional(mapOf(oneOrMore)),
} as const;
const besides = ["dial_timeout"];
const host = closed(hostShape, { besides });
const file = closed({ ...hostShape, server: optional(text), host: optional(mapOf(host)) }, { besides });

export interface TomlHost {
  readonly origin: string;
  readonly host: string;
  readonly apiPath: string;
  readonly capabilities: readonly string[];
  readonly tls: TlsMaterial;
  readonly skipVerify: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly isMirror: boolean;
}

const everything = ["pull", "resolve", "push"];

function addressOf(text: string, path: string): URL {
  const full = /^https?:\/\//.test(text) ? text : `https://${text}`;
  if (URL.canParse(full)) return new URL(full);
  throw new TiffinError(
    "invalid",
    "registry.bad-configuration",
    `${path} has a host ${JSON.stringify(text)}, wanted an address such as https://mirror.example`,
  );
}

interface HostPlace {
  readonly directory: string;
  readonly path: string;
  readonly isMirror: boolean;
}

function hostOf(address: string, found: Decoded<typeof host>, place: HostPlace): TomlHost {
  const url = addressOf(address, place.path);
  const at = (name: string): string => (isAbsolute(name) ? name : join(place.directory, name));
  const bare = url.pathname.replace(/\/+$/, "");
  const [certificate, key] = found.client?.[0] ?? [];
  return {
    origin: url.origin,
    host: url.host,
    apiPath: found.override_path === true || bare.endsWith("/v2") ? bare : `${bare}/v2`,
    capabilities: found.capabilities ?? everything,
    tls: {
      ...(found.ca === undefined ? {} : { authorities: found.ca.map((name) => readPem(at(name))) }),
      ...(certificate === undefined ? {} : { certificate: readPem(at(certificate)) }),
      ...(certificate === undefined
        ? {}
        : { key: readPem(at(key === undefined || key === "" ? certificate : key)) }),
    },
    skipVerify: found.skip_verify === true,
    headers: Object.fromEntries(
      Object.entries(found.header ?? {}).map(([name, values]) => [name, values.join(", ")]),
    ),
    isMirror: place.isMirror,
  };
}

/** Names that a registry's directory may have, as containerd looks for them. */
function directoryNames(domain: string): string[] {
  const [, name = "", port] = /^(.*?)(?::(\d+))?$/.exec(domain) ?? [];
  return [domain, ...(port === undefined ? [] : [`${name}_${port}_`, name]), "_default"];
}

/**
 * The hosts for `domain` in the order in which to try; undefined when no `hosts.toml` is for it. The registry itself
 * (`registry`, its address) is the last one, unless the file names another server.
 */
export function tomlHosts(
  directories: readonly string[],
  domain: string,
  registry: string,
): TomlHost[] | undefined {
  for (const name of directoryNames(domain)) {
    for (const parent of directories) {
      const directory = join(parent, name);
      const path = join(directory, "hosts.toml");
      const found = readToml(path, file);
      if (found === undefined) continue;
      const mirrors = Object.entries(found.host ?? {}).map(([address, each]) =>
        hostOf(address, each, { directory, path, isMirror: true }),
      );
      const { server } = found;
      if (server === "") return mirrors;
      return [...mirrors, hostOf(server ?? registry, found, { directory, path, isMirror: false })];
    }
  }
  return undefined;
}
