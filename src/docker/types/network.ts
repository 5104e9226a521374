/** Networks on the wire (Docker's API 1.50). */
import { type Decoded, flag, list, mapOf, nullable, object, optional, text } from "../decode.ts";
import { endpointSettings } from "./networking.ts";

export const ipamPool = object({
  Subnet: optional(text),
  IPRange: optional(text),
  Gateway: optional(text),
  AuxiliaryAddresses: optional(nullable(mapOf(text))),
});
export interface IpamPool extends Decoded<typeof ipamPool> {}

export const ipam = object({
  Driver: optional(text),
  Options: optional(nullable(mapOf(text))),
  Config: optional(nullable(list(ipamPool))),
});
export interface Ipam extends Decoded<typeof ipam> {}

export const networkCreateBody = object({
  Name: text,
  CheckDuplicate: optional(flag),
  Driver: optional(text),
  Scope: optional(text),
  Internal: optional(flag),
  Attachable: optional(flag),
  Ingress: optional(flag),
  ConfigOnly: optional(flag),
  ConfigFrom: optional(nullable(object({ Network: optional(text) }))),
  EnableIPv4: optional(flag),
  EnableIPv6: optional(flag),
  IPAM: optional(nullable(ipam)),
  Options: optional(nullable(mapOf(text))),
  Labels: optional(nullable(mapOf(text))),
});
export interface NetworkCreateBody extends Decoded<typeof networkCreateBody> {}

export const networkCreateResponse = object({ Id: text, Warning: text });
export interface NetworkCreateResponse extends Decoded<typeof networkCreateResponse> {}

/** A container in a network, as the network tells of it. Addresses have their prefix length. */
export const networkMember = object({
  Name: text,
  EndpointID: text,
  MacAddress: text,
  IPv4Address: text,
  IPv6Address: text,
});
export interface NetworkMember extends Decoded<typeof networkMember> {}

export const networkResource = object({
  Name: text,
  Id: text,
  Created: text,
  Scope: text,
  Driver: text,
  EnableIPv4: optional(flag),
  EnableIPv6: flag,
  IPAM: ipam,
  Internal: flag,
  Attachable: flag,
  Ingress: flag,
  ConfigFrom: optional(object({ Network: optional(text) })),
  ConfigOnly: flag,
  Containers: optional(nullable(mapOf(networkMember))),
  Options: optional(nullable(mapOf(text))),
  Labels: optional(nullable(mapOf(text))),
});
export interface NetworkResource extends Decoded<typeof networkResource> {}

export const networkConnectBody = object({
  Container: text,
  EndpointConfig: optional(nullable(endpointSettings)),
});
export interface NetworkConnectBody extends Decoded<typeof networkConnectBody> {}

export const networkDisconnectBody = object({ Container: text, Force: optional(flag) });
export interface NetworkDisconnectBody extends Decoded<typeof networkDisconnectBody> {}

export const networkPruneReport = object({ NetworksDeleted: nullable(list(text)) });
export interface NetworkPruneReport extends Decoded<typeof networkPruneReport> {}
