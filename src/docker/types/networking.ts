/** A container's place in networks: what a client asks for and what inspect shows (Docker's API 1.50). */
import { type Decoded, flag, integer, list, mapOf, nullable, object, optional, text } from "../decode.ts";
import { portMap } from "./host-config.ts";

export const endpointIpamConfig = object({
  IPv4Address: optional(text),
  IPv6Address: optional(text),
  LinkLocalIPs: optional(list(text)),
});
export interface EndpointIpamConfig extends Decoded<typeof endpointIpamConfig> {}

export const endpointSettings = object({
  IPAMConfig: optional(nullable(endpointIpamConfig)),
  Links: optional(nullable(list(text))),
  MacAddress: optional(text),
  Aliases: optional(nullable(list(text))),
  DriverOpts: optional(nullable(mapOf(text))),
  GwPriority: optional(integer),
  NetworkID: optional(text),
  EndpointID: optional(text),
  Gateway: optional(text),
  IPAddress: optional(text),
  IPPrefixLen: optional(integer),
  IPv6Gateway: optional(text),
  GlobalIPv6Address: optional(text),
  GlobalIPv6PrefixLen: optional(integer),
  DNSNames: optional(nullable(list(text))),
});
export interface EndpointSettings extends Decoded<typeof endpointSettings> {}

export const networkingConfig = object({
  /** Keys are network names or ids; a null value asks for defaults. */
  EndpointsConfig: optional(mapOf(nullable(endpointSettings))),
});
export interface NetworkingConfig extends Decoded<typeof networkingConfig> {}

/** `NetworkSettings` of an inspected container. */
export const networkSettings = object({
  Bridge: optional(text),
  SandboxID: optional(text),
  SandboxKey: optional(text),
  /** Published and exposed ports; null where only exposed. */
  Ports: portMap,
  HairpinMode: optional(flag),
  LinkLocalIPv6Address: optional(text),
  LinkLocalIPv6PrefixLen: optional(integer),
  SecondaryIPAddresses: optional(nullable(list(object({ Addr: text, PrefixLen: integer })))),
  SecondaryIPv6Addresses: optional(nullable(list(object({ Addr: text, PrefixLen: integer })))),
  EndpointID: optional(text),
  Gateway: optional(text),
  GlobalIPv6Address: optional(text),
  GlobalIPv6PrefixLen: optional(integer),
  IPAddress: optional(text),
  IPPrefixLen: optional(integer),
  IPv6Gateway: optional(text),
  MacAddress: optional(text),
  Networks: mapOf(endpointSettings),
});
export interface NetworkSettings extends Decoded<typeof networkSettings> {}
