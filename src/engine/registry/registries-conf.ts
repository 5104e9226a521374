/** `registries.conf` of podman, skopeo and buildah, version 2: where a repository is really kept, and its mirrors. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Reference } from "../../docker/reference.ts";
import { type Decoded, type Decoder, optional } from "../../lib/decoders.ts";
import { TiffinError } from "../../lib/errors.ts";
import { closed, flag, list, text } from "./file-decoders.ts";
import { readToml } from "./toml-file.ts";

const mirror = closed({
  location: text,
  insecure: optional(flag),
  "pull-from-mirror": optional(text),
});

const registry = closed({
  prefix: optional(text),
  location: optional(text),
  insecure: optional(flag),
  blocked: optional(flag),
  "mirror-by-digest-only": optional(flag),
  mirror: optional(list(mirror)),
});

/** What else stands there is about names without a registry, and about who is logged in. */
const configuration = closed(
  { registry: optional(list(registry)) },
  {
    besides: [
      "additional-layer-store-auth-helper",
      "aliases",
      "credential-helpers",
      // Version 1 of the file, which says the same in another way.
      "registries",
      "short-name-mode",
      "unqualified-search-registries",
    ],
  },
);

type Registry = Decoded<typeof registry>;

/** A place as it is written there: `host[:port]/path`. */
export interface ConfiguredPlace {
  readonly location: string;
  readonly insecure: boolean;
  readonly isMirror: boolean;
  readonly onlyFor?: "digest" | "tag";
}

/** By its name: what is there instead of a file is a fault to be told. */
function filesOf(path: string): string[] {
  if (!path.endsWith(".d")) return [path];
  try {
    const names = readdirSync(path).filter((name) => name.endsWith(".conf"));
    return names.sort().map((name) => join(path, name));
  } catch {
    return [];
  }
}

/** Every registry of the files by its prefix; one in a later file takes the place of an earlier one. */
function readRegistries(paths: readonly string[]): Map<string, Registry> {
  const found = new Map<string, Registry>();
  for (const path of paths.flatMap(filesOf)) {
    const decode: Decoder<Decoded<typeof configuration>> = configuration;
    for (const each of readToml(path, decode)?.registry ?? []) {
      const prefix = each.prefix || each.location;
      if (prefix !== undefined && prefix !== "") found.set(prefix, each);
    }
  }
  return found;
}

/** How much of `name` the prefix covers; undefined when it is another's. */
function covered(prefix: string, name: string): number | undefined {
  if (prefix.startsWith("*.")) {
    const host = name.split("/", 1)[0] ?? "";
    return host.endsWith(prefix.slice(1)) ? host.length : undefined;
  }
  if (!name.startsWith(prefix)) return undefined;
  return name.length === prefix.length || name[prefix.length] === "/" ? prefix.length : undefined;
}

/**
 * Where the files say that `reference` is, in the order in which to try; undefined when they say nothing. Throws
 * `forbidden` for a registry that is blocked.
 */
export function configuredPlaces(
  paths: readonly string[],
  reference: Reference,
): ConfiguredPlace[] | undefined {
  const name = `${reference.domain}/${reference.path}`;
  let best: { readonly prefix: string; readonly length: number; readonly registry: Registry } | undefined;
  for (const [prefix, found] of readRegistries(paths)) {
    const length = covered(prefix, name);
    // An exact prefix is longer than a pattern that covers the same host.
    if (length !== undefined && (best === undefined || prefix.length > best.prefix.length)) {
      best = { prefix, length, registry: found };
    }
  }
  if (best === undefined) return undefined;
  const { registry: own, length } = best;
  if (own.blocked === true) {
    throw new TiffinError(
      "forbidden",
      "registry.blocked",
      `registry ${best.prefix} is blocked in ${paths.join(" or ")}`,
    );
  }
  const rest = name.slice(length);
  const mirrors = (own.mirror ?? []).map((each): ConfiguredPlace => {
    const only = own["mirror-by-digest-only"] === true ? "digest-only" : each["pull-from-mirror"];
    return {
      location: `${each.location}${rest}`,
      insecure: each.insecure === true,
      isMirror: true,
      ...(only === "digest-only" ? { onlyFor: "digest" } : {}),
      ...(only === "tag-only" ? { onlyFor: "tag" } : {}),
    };
  });
  const location = own.location === undefined || own.location === "" ? name : `${own.location}${rest}`;
  return [...mirrors, { location, insecure: own.insecure === true, isMirror: false }];
}
