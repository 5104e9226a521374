/** Networks in Docker's shape. Pure. */
import type { NetworkMember, NetworkResource } from "../../docker/types/network.ts";
import { builtInIds, isBuiltIn } from "./built-in-networks.ts";
import type { EndpointRecord, Ipv6Settings, Network } from "./model.ts";

/** A container that is to be in a network, and its place there while it lives. */
export interface Member {
  readonly containerId: string;
  readonly name: string;
  readonly endpoint: EndpointRecord | undefined;
}

export function networkResource(network: Network, members: readonly Member[] | undefined): NetworkResource {
  const { driver, subnet, ipv6 } = network;
  return {
    Name: network.name,
    Id: network.id,
    Created: new Date(network.createdMs).toISOString().replace("Z", "000000Z"),
    Scope: "local",
    Driver: driver,
    EnableIPv4: true,
    EnableIPv6: ipv6 !== undefined,
    IPAM: {
      Driver: "default",
      Options: isBuiltIn(network.id) ? null : network.ipamOptions,
      Config: subnet === "" ? null : [poolOf(network), ...(ipv6 === undefined ? [] : [poolOf(ipv6)])],
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: Object.fromEntries((members ?? []).flatMap(memberOf)),
    Options: network.id === builtInIds.bridge ? defaultOptions(network) : network.options,
    Labels: network.labels,
  };
}

function poolOf({ subnet, ipRange, gateway, auxiliary }: Ipv6Settings) {
  return {
    Subnet: subnet,
    ...(ipRange !== "" && { IPRange: ipRange }),
    Gateway: gateway,
    ...(Object.keys(auxiliary).length > 0 && { AuxiliaryAddresses: auxiliary }),
  };
}

/** As Docker shows what its default bridge was made with. */
function defaultOptions(network: Network): Record<string, string> {
  return {
    "com.docker.network.bridge.default_bridge": "true",
    "com.docker.network.bridge.enable_icc": String(network.openWithin),
    "com.docker.network.bridge.enable_ip_masquerade": String(network.masquerade),
    "com.docker.network.bridge.host_binding_ipv4": network.hostAddress,
    "com.docker.network.bridge.name": network.bridge,
    "com.docker.network.driver.mtu": String(network.mtu || 1500),
  };
}

function memberOf({ containerId, name, endpoint }: Member): [string, NetworkMember][] {
  if (endpoint === undefined) return [];
  const { id, mac, address, prefixLength, ipv6 } = endpoint;
  return [
    [
      containerId,
      {
        Name: name,
        EndpointID: id || containerId,
        MacAddress: mac,
        IPv4Address: `${address}/${prefixLength}`,
        IPv6Address: ipv6 === undefined ? "" : `${ipv6.address}/${ipv6.prefixLength}`,
      },
    ],
  ];
}
