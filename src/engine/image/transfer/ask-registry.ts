/** What clients ask registries through the engine without moving an image: login, search, what a name means there. */
import { parseReference } from "../../../docker/reference.ts";
import type {
  AuthConfig,
  AuthResponse,
  DistributionInspect,
  SearchResult,
} from "../../../docker/types/registry.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { decodeImageConfig, decodeImageDocument } from "../../../oci/decode/image-spec.ts";
import type { OciPlatform } from "../../../oci/mod.ts";
import type { RegistryClient } from "../../registry/mod.ts";
import { checkFilters, type FilterMap } from "../filters.ts";
import { credentialOf, credentialsFor, registryHost } from "./registry-host.ts";

/** Errors: `unauthorized`, `registry.*`. */
export async function logIn(
  registry: RegistryClient,
  auth: AuthConfig,
  signal: AbortSignal,
): Promise<AuthResponse> {
  const { identityToken } = await registry.login(
    registryHost(auth.serveraddress ?? ""),
    credentialOf(auth) ?? {},
    signal,
  );
  return { Status: "Login Succeeded", IdentityToken: identityToken ?? "" };
}

export interface SearchRequest {
  /** `term`, or `host/term`. */
  readonly term: string;
  readonly limit: number | undefined;
  readonly filters: FilterMap;
  readonly auth: AuthConfig | undefined;
}

/** Errors: `invalid` for a filter, `registry.*`. */
export async function searchImages(
  registry: RegistryClient,
  { term, limit, filters, auth }: SearchRequest,
  signal: AbortSignal,
): Promise<SearchResult[]> {
  checkFilters(filters, ["is-automated", "is-official", "stars"]);
  const least = Math.max(0, ...(filters["stars"] ?? []).map(starsOf));
  const official = flagOf(filters, "is-official");
  const automated = flagOf(filters, "is-automated");
  const slash = term.indexOf("/");
  const first = slash < 0 ? "" : term.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === "localhost";
  const host = isHost ? registryHost(first) : "docker.io";
  const found = await registry.search(isHost ? term.slice(slash + 1) : term, {
    host,
    ...(limit === undefined ? {} : { limit }),
    ...credentialsFor(host, auth),
    signal,
  });
  return found
    .filter((one) => one.stars >= least)
    .filter((one) => official === undefined || one.official === official)
    .filter((one) => automated === undefined || one.automated === automated)
    .map(({ name, description, stars, official: is_official, automated: is_automated }) => ({
      name,
      description,
      star_count: stars,
      is_official,
      is_automated,
    }));
}

function starsOf(value: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value);
  throw new TiffinError("invalid", "image.filter", `invalid filter 'stars=[${value}]'`);
}

function flagOf(filters: FilterMap, name: string): boolean | undefined {
  const [value] = filters[name] ?? [];
  if (value === undefined) return undefined;
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new TiffinError("invalid", "image.filter", `invalid filter '${name}=[${value}]'`);
}

/** What a name means in its registry, and for which platforms. Errors: `registry.*`, `invalid`. */
export async function inspectDistribution(
  registry: RegistryClient,
  name: string,
  auth: AuthConfig | undefined,
  signal: AbortSignal,
): Promise<DistributionInspect> {
  const reference = parseReference(name);
  const options = { ...credentialsFor(reference.domain, auth), signal };
  const { digest, mediaType, bytes } = await registry.manifest(reference, options);
  const document = decodeImageDocument(bytes, mediaType);
  const platforms: readonly OciPlatform[] =
    document.kind === "index"
      ? document.index.manifests.flatMap(({ platform }) => (platform === undefined ? [] : [platform]))
      : [decodeImageConfig(await registry.smallBlob(reference, document.manifest.config, options))];
  return {
    Descriptor: { mediaType, digest, size: bytes.length },
    Platforms: platforms.map((platform) => ({
      architecture: platform.architecture,
      os: platform.os,
      ...(platform["os.version"] === undefined ? {} : { "os.version": platform["os.version"] }),
      ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    })),
  };
}
