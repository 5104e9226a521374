/** A container's place in the network, and the words of its /etc/hosts and /etc/resolv.conf. Pure. */
import { isIpAddress, isIpv4, isIpv6 } from "../../../docker/ip-address.ts";
import { refuse } from "./refuse.ts";
import type { ContainerSpecification, WantedEndpoint } from "./specification.ts";
import { shown, validateWord } from "./words.ts";

const hardwareAddress = /^(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i;

/** The lowest bit of the first byte says that it is a group's. */
function isOfNoLink(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1 || /^[0:-]*$/.test(mac);
}

export function checkEndpoint({
  address,
  address6 = "",
  mac,
  aliases = [],
  links = [],
}: WantedEndpoint): void {
  for (const alias of aliases) validateWord("network alias", alias);
  for (const { alias, container } of links) {
    validateWord("alias of a link", alias);
    validateWord("container of a link", container);
  }
  if (address !== "" && !isIpv4(address)) refuse("endpoint", `invalid IPv4 address: ${address}`);
  if (address6 !== "" && !isIpv6(address6)) refuse("endpoint", `invalid IPv6 address: ${address6}`);
  if (mac !== "" && !hardwareAddress.test(mac)) {
    refuse("endpoint", `${mac} is not a valid mac address`);
  }
  if (mac !== "" && isOfNoLink(mac)) {
    refuse("endpoint", `${mac} is not a valid mac address of a link: it is that of a group, or of nobody`);
  }
}

export function checkNetwork({ network, resolver, hosts }: ContainerSpecification): void {
  if (network.kind === "networks") {
    for (const endpoint of network.endpoints) checkEndpoint(endpoint);
    for (const { hostAddress = "", hostPort, hostPortEnd } of network.ports) {
      if (hostAddress !== "" && !isIpAddress(hostAddress)) {
        refuse("port", `invalid IP address: ${hostAddress}`);
      }
      if (hostPortEnd !== undefined && hostPortEnd < hostPort) {
        refuse("port", `invalid port specification: "${hostPort}-${hostPortEnd}"`);
      }
    }
  }
  for (const server of resolver.servers) {
    if (!isIpAddress(server)) refuse("dns", `invalid DNS server: ${shown(server)} is no IP address`);
  }
  for (const domain of resolver.search) validateWord("DNS search domain", domain);
  for (const option of resolver.options) validateWord("DNS option", option);
  for (const { name, address } of hosts) {
    validateWord("host name in add-host", name);
    if (address !== "host-gateway" && !isIpAddress(address)) {
      refuse("extra-host", `invalid IP address in add-host: ${JSON.stringify(address)}`);
    }
  }
}
