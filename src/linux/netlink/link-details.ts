/** What a person asks about a link beyond what the engine needs of it. */
import { decodeLink, type Link } from "./link.ts";
import { Attributes, type NetlinkMessage } from "./message.ts";

const attribute = { operationalState: 16, information: 18 } as const;
const information = { kind: 1, data: 2 } as const;
const vlanId = 1;
const vxlanId = 1;
const tunType = 3;
const tunTap = 2;
const headerBytes = 16;
/** IF_OPER_* in their order. */
const operationalStates = [
  "UNKNOWN",
  "NOTPRESENT",
  "DOWN",
  "LOWERLAYERDOWN",
  "TESTING",
  "DORMANT",
  "UP",
] as const;
/** ARPHRD_* as iproute2 calls them. */
const linkTypes: Readonly<Record<number, string>> = { 1: "ether", 772: "loopback", 65534: "none" };
/** IFF_* in the order in which iproute2 names them. */
const flagNames: readonly (readonly [bit: number, name: string])[] = [
  [0x8, "LOOPBACK"],
  [0x2, "BROADCAST"],
  [0x10, "POINTOPOINT"],
  [0x1000, "MULTICAST"],
  [0x80, "NOARP"],
  [0x200, "ALLMULTI"],
  [0x100, "PROMISC"],
  [0x400, "MASTER"],
  [0x800, "SLAVE"],
  [0x4, "DEBUG"],
  [0x8000, "DYNAMIC"],
  [0x4000, "AUTOMEDIA"],
  [0x2000, "PORTSEL"],
  [0x20, "NOTRAILERS"],
  [0x1, "UP"],
  [0x10000, "LOWER_UP"],
  [0x20000, "DORMANT"],
  [0x40000, "ECHO"],
];
const upFlag = 0x1;
const runningFlag = 0x40;

export interface LinkDetails extends Link {
  readonly operationalState: string;
  /** ARPHRD_* by name. */
  readonly linkType: string;
  /** The kind with what tells one of them from another: `vlan 5`, `tap`. */
  readonly description: string;
}

export function linkFlagNames(flags: number): string[] {
  const names = flagNames.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  // Set up, but nothing at the other end.
  return (flags & upFlag) !== 0 && (flags & runningFlag) === 0 ? ["NO-CARRIER", ...names] : names;
}

function descriptionOf(attributes: Attributes): string {
  const info = attributes.nested(attribute.information);
  const kind = info?.string(information.kind) ?? "";
  if (kind === "vlan") return `vlan ${info?.nested(information.data)?.u16(vlanId) ?? ""}`;
  if (kind === "vxlan") return `vxlan ${info?.nested(information.data)?.u32(vxlanId) ?? ""}`;
  if (kind === "tun") return info?.nested(information.data)?.u8(tunType) === tunTap ? "tap" : "tun";
  return kind;
}

/** Decodes RTM_NEWLINK. */
export function decodeLinkDetails(message: NetlinkMessage): LinkDetails {
  const link = decodeLink(message);
  const { payload } = message;
  const attributes = new Attributes(payload.subarray(headerBytes));
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const type = view.getUint16(2, true);
  return {
    ...link,
    operationalState: operationalStates[attributes.u8(attribute.operationalState) ?? 0] ?? "UNKNOWN",
    linkType: linkTypes[type] ?? String(type),
    description: descriptionOf(attributes),
  };
}
