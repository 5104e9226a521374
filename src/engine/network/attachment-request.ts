/** What the options of the drivers macvlan, ipvlan, vlan and vxlan ask for. Pure. */
import { TiffinError } from "../../lib/errors.ts";
import { parseIpAddress } from "../../linux/netlink/ip-address.ts";
import type { AttachmentRequest, NetworkDriver } from "./model.ts";

type Options = Readonly<Record<string, string>>;

const macvlanModes = ["private", "vepa", "bridge", "passthru"] as const;
const ipvlanModes = ["l2", "l3", "l3s"] as const;
const longestLinkName = 15;
const mostVlanId = 4094;
const mostVxlanId = 2 ** 24 - 1;
const mostPort = 65_535;
export const vxlanPort = 4789;
/** Each frame for everybody is sent to each of them. */
const mostPeers = 256;

function invalid(message: string, remedy?: string): TiffinError {
  return new TiffinError("invalid", "network.request", message, remedy === undefined ? {} : { remedy });
}

function option(options: Options, key: string): string {
  return Object.hasOwn(options, key) ? (options[key] ?? "") : "";
}

/** The drivers of containers that are in a network of the host's, or in one that spans hosts. */
export const attachedDrivers = ["macvlan", "ipvlan", "vlan", "vxlan"] as const satisfies NetworkDriver[];
export type AttachedDriver = (typeof attachedDrivers)[number];

/** Errors: invalid `network.request`. */
export function attachmentRequest(driver: AttachedDriver, options: Options): AttachmentRequest {
  switch (driver) {
    case "macvlan":
      refuseUnknown(driver, options, ["parent", "macvlan_mode"]);
      return {
        kind: "macvlan",
        mode: oneOf("macvlan_mode", option(options, "macvlan_mode") || "bridge", macvlanModes),
        parent: linkName("parent", option(options, "parent")),
      };
    case "ipvlan":
      refuseUnknown(driver, options, ["parent", "ipvlan_mode", "ipvlan_flag"]);
      if (!["", "bridge"].includes(option(options, "ipvlan_flag"))) {
        throw invalid(`option ipvlan_flag=${option(options, "ipvlan_flag")} is not supported: wanted bridge`);
      }
      return {
        kind: "ipvlan",
        mode: oneOf("ipvlan_mode", option(options, "ipvlan_mode") || "l2", ipvlanModes),
        parent: linkName("parent", option(options, "parent")),
      };
    case "vlan":
      refuseUnknown(driver, options, ["parent", "id", "macvlan_mode"]);
      return {
        kind: "macvlan",
        mode: oneOf("macvlan_mode", option(options, "macvlan_mode") || "bridge", macvlanModes),
        parent: linkName("parent", needed(driver, options, "parent")),
        vlanId: numberWithin("id", needed(driver, options, "id"), 1, mostVlanId),
      };
    case "vxlan":
      refuseUnknown(driver, options, ["id", "peers", "port", "local", "dev"]);
      return {
        kind: "vxlan",
        id: numberWithin("id", needed(driver, options, "id"), 1, mostVxlanId),
        peers: peersOf(option(options, "peers")),
        port: numberWithin("port", option(options, "port") || String(vxlanPort), 1, mostPort),
        local: addressOrNone("local", option(options, "local")),
        dev: linkName("dev", option(options, "dev")),
      };
  }
}

/** What is of the bridge driver, and what every driver takes, is none of these drivers' own. */
function refuseUnknown(driver: string, options: Options, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key) || key.startsWith("com.docker.network.")) continue;
    throw invalid(
      `unknown option ${JSON.stringify(key)} for the driver ${driver}: it has ${known.join(", ")}`,
    );
  }
}

function needed(driver: string, options: Options, key: string): string {
  const value = option(options, key);
  if (value === "")
    throw invalid(`the driver ${driver} needs the option ${key}`, `give it with -o ${key}=...`);
  return value;
}

function oneOf<T extends string>(key: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value);
  if (found !== undefined) return found;
  throw invalid(`invalid value ${JSON.stringify(value)} for option ${key}: wanted ${allowed.join(", ")}`);
}

function numberWithin(key: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (/^\d{1,9}$/.test(value) && number >= least && number <= most) return number;
  throw invalid(
    `invalid value ${JSON.stringify(value)} for option ${key}: wanted a number from ${least} to ${most}`,
  );
}

function linkName(key: string, value: string): string {
  if (value === "" || (value.length <= longestLinkName && /^[A-Za-z0-9][A-Za-z0-9_.:@-]*$/.test(value)))
    return value;
  throw invalid(`invalid value ${JSON.stringify(value)} for option ${key}: wanted the name of a link`);
}

function addressOrNone(key: string, value: string): string {
  if (value === "" || parseIpAddress(value) !== undefined) return value;
  throw invalid(`invalid value ${JSON.stringify(value)} for option ${key}: wanted an IP address`);
}

function peersOf(value: string): readonly string[] {
  const peers = [...new Set(value.split(",").map((each) => each.trim()))].filter((each) => each !== "");
  for (const peer of peers) addressOrNone("peers", peer);
  if (new Set(peers.map((peer) => peer.includes(":"))).size > 1) {
    throw invalid("the peers of a vxlan are of one family: IPv4 or IPv6");
  }
  if (peers.length > mostPeers)
    throw invalid(`a vxlan has at most ${mostPeers} peers, ${peers.length} were given`);
  return peers;
}
