/** The default routes of a container go through the gateways of an endpoint. */
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { parseIpv4 } from "../../linux/netlink/ipv4.ts";
import { parseIpv6 } from "../../linux/netlink/ipv6.ts";
import { moveDefaultRoute } from "./endpoint.ts";
import type { EndpointRecord } from "./model.ts";

export function moveRoute({ gateway }: EndpointRecord, netns: OwnedFd): void {
  const address = parseIpv4(gateway);
  if (address !== undefined) moveDefaultRoute(address, netns);
}

export function moveIpv6Route({ ipv6 }: EndpointRecord, netns: OwnedFd): void {
  const gateway = parseIpv6(ipv6?.gateway ?? "");
  if (gateway !== undefined) moveDefaultRoute(gateway, netns);
}
