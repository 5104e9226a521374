/** What a creation asks of its places in networks: the one of its mode, and others by name. Pure. */
import { noSuchContainer } from "../../../docker/messages.ts";
import type { ContainerCreateBody } from "../../../docker/types/container.ts";
import type { EndpointSettings } from "../../../docker/types/networking.ts";
import { type ContainerLink, defaultNetworkName, refuse, type WantedEndpoint } from "../specification/mod.ts";
import { decodeLink, distinctLinks } from "./links.ts";

/** What a client's settings of one endpoint ask for. Error: `container.endpoint`. */
export function wantedEndpointOf(
  network: string,
  settings: EndpointSettings | null | undefined,
): WantedEndpoint {
  const { IPAMConfig, MacAddress = "", Aliases, Links, DriverOpts, GwPriority = 0 } = settings ?? {};
  const aliases = [...new Set(Aliases ?? [])];
  const links = distinctLinks((Links ?? []).map(decodeLink));
  if (network === defaultNetworkName && aliases.length > 0) {
    refuse("endpoint", "network-scoped aliases are only supported for user-defined networks");
  }
  const linkLocalAddresses = IPAMConfig?.LinkLocalIPs ?? [];
  return {
    network,
    address: IPAMConfig?.IPv4Address ?? "",
    ...((IPAMConfig?.IPv6Address ?? "") !== "" && { address6: IPAMConfig?.IPv6Address ?? "" }),
    mac: MacAddress,
    ...(aliases.length > 0 && { aliases }),
    ...(links.length > 0 && { links }),
    ...(linkLocalAddresses.length > 0 && { linkLocalAddresses }),
    ...(Object.keys(DriverOpts ?? {}).length > 0 && { driverOptions: DriverOpts ?? {} }),
    ...(GwPriority !== 0 && { gatewayPriority: GwPriority }),
  };
}

function isPlaceless(mode: string): boolean {
  return mode === "host" || mode === "none" || mode.startsWith("container:");
}

/**
 * The networks that a new container is to be in, that of `mode` (the merged one) first, then by name; none for a mode without.
 * `nameOf` knows networks by name and id, `idOf` containers by name. Errors: `container.endpoint`, `container.link`,
 * `container.conflict-*`.
 */
export function wantedEndpoints(
  body: ContainerCreateBody,
  mode: string,
  nameOf: (reference: string) => string | undefined = () => undefined,
  idOf: (container: string) => string | undefined = () => undefined,
): readonly WantedEndpoint[] {
  const named = (reference: string): string =>
    reference === "default" ? defaultNetworkName : (nameOf(reference) ?? reference);
  const settings = new Map<string, EndpointSettings | null>();
  for (const [reference, wanted] of Object.entries(body.NetworkingConfig?.EndpointsConfig ?? {})) {
    settings.set(named(reference), wanted);
  }
  if (isPlaceless(mode)) {
    refusePlaces(body, mode, settings);
    return [];
  }
  const own = named(mode);
  // Who names only other networks does not want the default one.
  if (!settings.has(own) && (own !== defaultNetworkName || settings.size === 0)) settings.set(own, null);
  const linked = ownLinks(body, idOf);
  const names = [...settings.keys()].sort(
    (one, other) => Number(other === own) - Number(one === own) || (one < other ? -1 : 1),
  );
  return names.map((name, index) => {
    if (isPlaceless(name)) {
      refuse(
        "endpoint",
        "conflicting options: cannot attach both user-defined and non-user-defined network-modes",
      );
    }
    const wanted = wantedEndpointOf(name, settings.get(name));
    if (index !== 0) return wanted;
    const links = distinctLinks([...(wanted.links ?? []), ...linked]);
    return {
      ...wanted,
      mac: wanted.mac === "" ? (body.MacAddress ?? "") : wanted.mac,
      ...(links.length > 0 && { links }),
    };
  });
}

/** Those of the host's part, to containers that are there now, whatever they will be called later. */
function ownLinks(
  body: ContainerCreateBody,
  idOf: (container: string) => string | undefined,
): ContainerLink[] {
  return (body.HostConfig?.Links ?? []).map((text) => {
    const { container, alias } = decodeLink(text);
    const id = idOf(container);
    // Not "not found", which clients take to mean that the image is.
    if (id === undefined) {
      refuse("link", `could not get container for ${container}: ${noSuchContainer(container)}`);
    }
    return { container: id, alias };
  });
}

function refusePlaces(
  body: ContainerCreateBody,
  mode: string,
  settings: ReadonlyMap<string, EndpointSettings | null>,
): void {
  for (const [name, wanted] of settings) {
    if (name !== mode) {
      refuse(
        "endpoint",
        `conflicting options: settings for network ${JSON.stringify(name)} with the network mode ${JSON.stringify(mode)}`,
      );
    }
    if ((wanted?.IPAMConfig?.IPv4Address || wanted?.IPAMConfig?.IPv6Address || "") !== "") {
      refuse("conflict-ip", "conflicting options: ip and the network mode");
    }
    if ((wanted?.MacAddress ?? "") !== "") {
      refuse("conflict-mac", "conflicting options: mac-address and the network mode");
    }
  }
  if ((body.MacAddress ?? "") !== "") {
    refuse("conflict-mac", "conflicting options: mac-address and the network mode");
  }
}
