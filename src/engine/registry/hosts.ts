/**
 * How the registries of one operation are found and reached: mirrors, certificates, who may do without TLS, proxies. The files
 * of the host are read anew for each operation, so that a change counts without a restart.
 */
import type { Reference } from "../../docker/reference.ts";
import { TiffinError } from "../../lib/errors.ts";
import { hostAuthorities, registryCertificates } from "./certificates.ts";
import type { RegistryOptions } from "./contract.ts";
import { type Endpoint, originsOf, registryHost } from "./endpoint.ts";
import type { TlsMaterial, Ways } from "./exchange.ts";
import { type TomlHost, tomlHosts } from "./hosts-toml.ts";
import { bareHost, inBlock, isLoopback, type ProxyChoice, proxyChoice } from "./proxy.ts";
import { type ConfiguredPlace, configuredPlaces } from "./registries-conf.ts";

/** What an image is looked for to do. */
export type Use = "pull" | "push";

interface Override {
  readonly tls: TlsMaterial;
  readonly skipVerify: boolean;
}

export class Hosts implements Ways {
  readonly proxy: ProxyChoice;
  readonly #options: RegistryOptions;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #overrides = new Map<string, Override>();
  readonly #certificates = new Map<string, TlsMaterial>();
  readonly #insecure: Set<string>;
  #authorities: { readonly found: readonly string[] | undefined } | undefined;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#environment = options.environment ?? {};
    this.proxy = proxyChoice(this.#environment);
    this.#insecure = new Set((options.insecureRegistries ?? []).map((host) => host.toLowerCase()));
  }

  /** A host that is loopback, or listed. Own authorities for a loopback host are there to be asked, and are. */
  insecure(url: URL): boolean {
    const override = this.#overrides.get(url.origin);
    if (override?.skipVerify === true || this.#isListed(url)) return true;
    if (!isLoopback(bareHost(url))) return false;
    return this.#own(url).authorities === undefined;
  }

  tls(url: URL): TlsMaterial {
    const own = this.#own(url);
    this.#authorities ??= { found: hostAuthorities(this.#environment) };
    const shared = this.#authorities.found;
    if (own.authorities === undefined) return shared === undefined ? own : { ...own, authorities: shared };
    return { ...own, authorities: [...(shared ?? []), ...own.authorities] };
  }

  /** Where `reference` can be had, in the order in which to try. Throws `forbidden` for a blocked registry. */
  endpoints(reference: Reference, use: Use): Endpoint[] {
    const { domain, path } = reference;
    const host = registryHost(domain);
    const { certificateDirectories = [], registriesConf = [], mirrors = [] } = this.#options;
    const byToml = tomlHosts(certificateDirectories, domain, `https://${host}`);
    if (byToml !== undefined) return this.#tomlEndpoints(byToml, reference, use);
    const places = configuredPlaces(registriesConf, reference);
    const found = places?.map((place) => this.#placeEndpoint(place)) ?? [
      ...(domain === "docker.io" ? mirrors.map((url) => mirrorEndpoint(url, path)) : []),
      this.registry(domain, path),
    ];
    const kind = reference.digest === undefined ? "tag" : "digest";
    return found.filter(({ isMirror, onlyFor }) => {
      if (!isMirror) return true;
      return use === "pull" && (onlyFor === undefined || onlyFor === kind);
    });
  }

  /** The registry of a domain, without mirrors. */
  registry(domain: string, repository: string): Endpoint {
    const host = registryHost(domain);
    return {
      host: domain,
      credentialHost: domain,
      origins: originsOf(host, this.#mayBePlain(host)),
      apiPath: "/v2",
      repository,
      isMirror: false,
      headers: {},
    };
  }

  #tomlEndpoints(hosts: readonly TomlHost[], reference: Reference, use: Use): Endpoint[] {
    const wanted = use === "push" ? ["push"] : ["pull", "resolve"];
    return hosts.flatMap((host) => {
      if (!wanted.every((capability) => host.capabilities.includes(capability))) return [];
      this.#overrides.set(host.origin, { tls: host.tls, skipVerify: host.skipVerify });
      const own = host.host === registryHost(reference.domain);
      return [
        {
          host: own ? reference.domain : host.host,
          credentialHost: own ? reference.domain : host.host,
          origins: [host.origin],
          apiPath: host.apiPath,
          repository: reference.path,
          isMirror: host.isMirror,
          headers: host.headers,
          ...(own ? {} : { namespace: reference.domain }),
        },
      ];
    });
  }

  #placeEndpoint({ location, insecure, isMirror, onlyFor }: ConfiguredPlace): Endpoint {
    const [domain = "", ...rest] = location.split("/");
    if (insecure) this.#insecure.add(registryHost(domain).toLowerCase());
    return {
      ...this.registry(domain, rest.join("/")),
      isMirror,
      ...(onlyFor === undefined ? {} : { onlyFor }),
    };
  }

  #mayBePlain(host: string): boolean {
    return this.insecure(new URL(`https://${host}`));
  }

  #isListed(url: URL): boolean {
    const { port, protocol } = url;
    const host = bareHost(url);
    const full = `${url.hostname.toLowerCase()}:${port === "" ? (protocol === "https:" ? "443" : "80") : port}`;
    if (this.#insecure.has(url.host.toLowerCase()) || this.#insecure.has(full)) return true;
    return [...this.#insecure].some((entry) => entry.includes("/") && inBlock(host, entry));
  }

  #own(url: URL): TlsMaterial {
    const override = this.#overrides.get(url.origin);
    if (override !== undefined && Object.keys(override.tls).length > 0) return override.tls;
    const known = this.#certificates.get(url.host);
    if (known !== undefined) return known;
    const directories = this.#options.certificateDirectories ?? [];
    let found = registryCertificates(directories, url.host);
    if (url.host === registryHost("docker.io") && Object.keys(found).length === 0) {
      found = registryCertificates(directories, "docker.io");
    }
    this.#certificates.set(url.host, found);
    return found;
  }
}

/** A mirror of docker.io by its address. */
function mirrorEndpoint(address: string, repository: string): Endpoint {
  const full = /^https?:\/\//.test(address) ? address : `https://${address}`;
  if (!URL.canParse(full)) {
    throw new TiffinError(
      "invalid",
      "registry.bad-configuration",
      `registry mirror ${JSON.stringify(address)} is no address`,
    );
  }
  const url = new URL(full);
  return {
    host: url.host,
    credentialHost: url.host,
    origins: [url.origin],
    apiPath: `${url.pathname.replace(/\/+$/, "")}/v2`,
    repository,
    isMirror: true,
    headers: {},
  };
}
