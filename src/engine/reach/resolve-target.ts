/** Which address is meant: by name, or by what is published. Pure. */
import { formatIpAddress } from "../../linux/netlink/ip-address.ts";
import { type Link, linkFlags } from "../../linux/netlink/link.ts";
import type { PublishedPort } from "../network/mod.ts";
import { hostSpace, type ReachContainer, type SpaceAddress } from "./facts.ts";
import { isAlone, stopAlone, stopUnnamed } from "./join-advice.ts";
import { senderName, spaceOf, wayOf } from "./look-up.ts";
import type { Packet } from "./packet.ts";
import type { Telling } from "./telling.ts";

/** For documentation, so nobody has them (RFC 5737, RFC 3849). */
const outsiders = {
  4: Uint8Array.of(203, 0, 113, 7),
  16: Uint8Array.of(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7),
} as const;

/** Somebody behind the default route, of the family of `address`. */
export function someoneOutside(address: Uint8Array): Uint8Array {
  return address.length === 16 ? outsiders[16] : outsiders[4];
}

export function resolveTarget(
  told: Telling,
  sender: ReachContainer | undefined,
  target: ReachContainer | undefined,
): Uint8Array {
  const { name, target: wanted, from } = told.facts;
  if (name.kind === "address" && wanted.address !== undefined) return wanted.address;
  if (name.kind === "machine") return machineAddress(told);
  if (from.kind !== "container" && target !== undefined) {
    if (target.space === hostSpace) return machineAddress(told);
    if (isAlone(target)) stopAlone(told, target, undefined);
  }
  if (from.kind === "outside" && target !== undefined) return publishedAddress(told, target);
  if (name.kind === "found") {
    told.ok("nameFound", { name: wanted.text, address: formatIpAddress(name.address), by: name.by });
    if (name.also.length > 0)
      told.ok("nameAlso", { name: wanted.text, addresses: name.also.map(formatIpAddress).join(", ") });
    return name.address;
  }
  const values = { name: wanted.text, who: senderName(told.facts) };
  if (sender !== undefined && isAlone(sender)) stopAlone(told, sender, target);
  const by = name.kind === "unknown" || name.kind === "silent" ? name.by : "nobody";
  // Of one that shares no network a server tells nothing, whether it answers or not.
  const isShared = target?.networks.some((network) => sender?.networks.includes(network)) ?? true;
  const isServerDown = name.kind === "silent" && isShared;
  if (sender !== undefined && target !== undefined && !isServerDown) stopUnnamed(told, sender, target, by);
  if (name.kind === "silent") told.stop("nameSilent", { ...values, by }, "doServer");
  told.stop("nameUnknown", { ...values, by }, "doName");
}

/** This machine by the address that the sender has for it. */
function machineAddress(told: Telling): Uint8Array {
  const { from, target } = told.facts;
  const caller = (from.kind === "outside" ? from.address : undefined) ?? outsiders[4];
  const address = from.kind === "host" ? Uint8Array.of(127, 0, 0, 1) : outerAddress(told, caller)?.address;
  if (address === undefined) told.stop("noOutside", {}, "doHostRoute", { address: "0.0.0.0/0" });
  told.ok("machine", { name: target.text, address: formatIpAddress(address) });
  return address;
}

/** From outside a container is known by its published ports alone. */
function publishedAddress(told: Telling, target: ReachContainer): Uint8Array {
  const { from } = told.facts;
  const caller = (from.kind === "outside" ? from.address : undefined) ?? outsiders[4];
  const { port, protocol } = told.facts.target;
  if (publishedFor(target, told.facts.target, caller) === undefined) {
    stopOwnAddress(told, target, caller);
    stopNotPublished(told, target, { port, protocol });
  }
  const host = outerAddress(told, caller)?.address;
  if (host === undefined)
    told.stop("otherFamily", { target: target.name, who: "outside" }, "doLook", { who: target.name });
  return host;
}

/** What stands on a link of the host (macvlan, ipvlan...) has no ports of the host: it is out there itself. */
function stopOwnAddress(told: Telling, target: ReachContainer, caller: Uint8Array): void {
  const own = told.facts.networks.filter(({ name }) => target.networks.includes(name));
  const address = target.addresses.find((each) => each.length === caller.length);
  const [network] = own;
  if (network === undefined || address === undefined || own.some(({ bridge }) => bridge !== "")) return;
  const shown = formatIpAddress(address);
  told.stop("ownAddress", { target: target.name, network: network.name }, "doAsk", {
    place: `${address.length === 16 ? `[${shown}]` : shown}:${told.facts.target.port}`,
  });
}

/** The port through which callers of the family of `caller` come. */
export function publishedFor(
  target: ReachContainer | undefined,
  { port, protocol }: Pick<Packet, "port" | "protocol">,
  caller: Uint8Array,
): PublishedPort | undefined {
  const published = target?.ports.filter(
    (each) =>
      each.containerPort === port &&
      each.protocol === protocol &&
      each.hostAddress.includes(":") === (caller.length === 16),
  );
  // What is published for this machine alone lets nobody in where the same port is published for all as well.
  return published?.find((each) => !isLoopbackText(each.hostAddress)) ?? published?.[0];
}

export function stopNotPublished(
  told: Telling,
  target: ReachContainer,
  { port, protocol }: Pick<Packet, "port" | "protocol">,
): never {
  told.stop("notPublished", { target: target.name, port, protocol }, "doPublish", {
    hostPort: port,
    who: target.name,
  });
}

const isLoopbackText = (address: string): boolean => address.startsWith("127.") || address === "::1";

const isLinkLocal = (address: Uint8Array): boolean =>
  address[0] === 0xfe && ((address[1] ?? 0) & 0xc0) === 0x80;

/** Of the link that leads out, of the family of `caller`. */
export function outerAddress(told: Telling, caller: Uint8Array): SpaceAddress | undefined {
  const { addresses, links } = spaceOf(told.facts, hostSpace);
  const bridges = new Set(told.facts.networks.map(({ bridge }) => bridge));
  const outer = links.filter((link) => (link.flags & linkFlags.loopback) === 0 && !bridges.has(link.name));
  const way = wayOf(told.facts, { space: hostSpace, destination: someoneOutside(caller) });
  const leading = way.kind === "route" ? outer.filter(({ index }) => index === way.linkIndex) : [];
  const among = (some: readonly Link[]): SpaceAddress | undefined =>
    addresses.find(
      ({ linkIndex, address }) =>
        address.length === caller.length &&
        !isLinkLocal(address) &&
        some.some(({ index }) => index === linkIndex),
    );
  return among(leading) ?? among(outer);
}
