/** From what a client wants of a new network to its settings, or to the reason why it cannot be. Pure. */
import { TiffinError } from "../../lib/errors.ts";
import {
  broadcastOf,
  contains,
  formatIpv4,
  formatPrefix,
  overlap,
  type Prefix,
  parseIpv4,
  parsePrefix,
} from "../../linux/netlink/ipv4.ts";
import { plainSettings } from "./built-in-networks.ts";
import { decideIpv6, type Ipv6Surroundings } from "./decide-ipv6.ts";
import type { Attachment, NetworkRequest, NetworkSettings } from "./model.ts";
import { decideSubnet, parseSubnet } from "./subnet.ts";
import type { Ipv4AddressPool } from "./subnet-pools.ts";
import { isParent } from "./underlay.ts";

export interface NetworkSurroundings extends Ipv6Surroundings {
  /** Subnets of the engine's networks. */
  readonly own: readonly Prefix[];
  /** What the host routes or has addresses in. */
  readonly taken: readonly Prefix[];
  readonly pools: readonly Ipv4AddressPool[];
  readonly attachment?: Attachment | undefined;
  /** The bridge's name when nobody chose one. */
  readonly bridge: string;
}

const leastMtu = 68;
/** RFC 8200: the kernel takes IPv6 off a link with less. */
const leastIpv6Mtu = 1280;
const mostMtu = 65_535;

function refuse(code: string, message: string): never {
  throw new TiffinError("invalid", `network.${code}`, message);
}

/** Errors: invalid `network.*-invalid`; forbidden `network.subnet-overlaps`; unavailable `network.no-free-subnet`. */
export function decideNetwork(request: NetworkRequest, surroundings: NetworkSurroundings): NetworkSettings {
  const subnet = chooseSubnet(request, surroundings);
  const gateway = chooseGateway(request, subnet);
  const mtu = request.mtu ?? 0;
  if (mtu !== 0 && (mtu < leastMtu || mtu > mostMtu)) {
    refuse("mtu-invalid", `invalid MTU ${mtu}: wanted ${leastMtu} to ${mostMtu} bytes`);
  }
  if (request.ipv6 !== undefined && mtu !== 0 && mtu < leastIpv6Mtu) {
    refuse("mtu-invalid", `invalid MTU ${mtu}: IPv6 needs at least ${leastIpv6Mtu} bytes`);
  }
  const { attachment } = surroundings;
  const hasBridge = !isParent(attachment);
  return {
    ...plainSettings,
    driver: request.driver ?? "bridge",
    ...(attachment !== undefined && { attachment }),
    subnet: formatPrefix(subnet),
    gateway: formatIpv4(gateway),
    ipRange: checkedRange(request.ipRange ?? "", subnet),
    auxiliary: checkedAuxiliary(request.auxiliary ?? {}, subnet, gateway),
    bridge: hasBridge ? checkedBridge(request.bridge ?? "") || surroundings.bridge : "",
    mtu,
    internal: request.internal ?? false,
    openWithin: request.openWithin ?? true,
    masquerade: request.masquerade ?? true,
    hostAddress: checkedHostAddress(request.hostAddress ?? ""),
    attachable: request.attachable ?? false,
    subnetChosen: (request.subnet ?? "") !== "" || (request.ipv6?.subnet ?? "") !== "",
    labels: request.labels ?? {},
    options: request.options ?? {},
    ipamOptions: request.ipamOptions ?? {},
    ...(request.ipv6 !== undefined && { ipv6: decideIpv6(request.ipv6, surroundings, request.name) }),
  };
}

function chooseSubnet(
  { subnet = "", name }: NetworkRequest,
  { own, taken, pools }: NetworkSurroundings,
): Prefix {
  if (subnet === "") {
    const all = [...own, ...taken];
    return decideSubnet({ configured: undefined, remembered: undefined, taken: all, pools, network: name });
  }
  const parsed = parseSubnet(subnet);
  const rival = [...own, ...taken].find((other) => overlap(parsed, other));
  if (rival === undefined) return parsed;
  const whose = own.includes(rival) ? "that of another network" : "which this host routes already";
  throw new TiffinError(
    "forbidden",
    "network.subnet-overlaps",
    `invalid pool request: Pool overlaps with other one on this address space: ${subnet} overlaps ` +
      `${formatPrefix(rival)}, ${whose}`,
    { remedy: "choose a subnet that overlaps none of them, or none at all" },
  );
}

function chooseGateway({ gateway = "" }: NetworkRequest, subnet: Prefix): number {
  if (gateway === "") return subnet.network + 1;
  const parsed = parseIpv4(gateway);
  if (parsed === undefined) refuse("gateway-invalid", `invalid gateway address ${JSON.stringify(gateway)}`);
  if (!contains(subnet, parsed)) {
    refuse("gateway-invalid", `no matching subnet for gateway ${gateway}`);
  }
  if (parsed === subnet.network || parsed === broadcastOf(subnet)) {
    refuse("gateway-invalid", `gateway ${gateway} is no host address of ${formatPrefix(subnet)}`);
  }
  return parsed;
}

function checkedRange(range: string, subnet: Prefix): string {
  if (range === "") return "";
  const parsed = parsePrefix(range);
  if (parsed === undefined) {
    refuse(
      "range-invalid",
      `invalid range ${range}: wanted an IPv4 network without host bits, like 172.30.5.0/24`,
    );
  }
  if (!contains(subnet, parsed.network) || parsed.length < subnet.length) {
    refuse("range-invalid", `no matching subnet for range ${range}`);
  }
  return range;
}

function checkedAuxiliary(
  auxiliary: Readonly<Record<string, string>>,
  subnet: Prefix,
  gateway: number,
): Readonly<Record<string, string>> {
  for (const [name, text] of Object.entries(auxiliary)) {
    const address = parseIpv4(text);
    if (address === undefined) {
      refuse("auxiliary-invalid", `invalid auxiliary address ${JSON.stringify(text)} of ${name}`);
    }
    if (!contains(subnet, address)) refuse("auxiliary-invalid", `no matching subnet for aux-address ${text}`);
    if (address === gateway) {
      refuse(
        "auxiliary-invalid",
        `failed to allocate secondary ip address (${name}:${text}): Address already in use by the gateway`,
      );
    }
  }
  return auxiliary;
}

const longestLinkName = 15;

function checkedBridge(name: string): string {
  if (name === "") return "";
  if (name.length > longestLinkName || !/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name)) {
    refuse(
      "bridge-invalid",
      `invalid bridge name ${JSON.stringify(name)}: wanted 1 to ${longestLinkName} letters, digits, "_", "." or "-"`,
    );
  }
  return name;
}

function checkedHostAddress(text: string): string {
  if (text === "") return plainSettings.hostAddress;
  if (parseIpv4(text) === undefined) {
    refuse("host-address-invalid", `invalid host address ${JSON.stringify(text)}: wanted an IPv4 address`);
  }
  return text;
}
