/** From a link to its neighbour: the bridge behind it, who has the address there, and whether a packet fits. Pure. */
import { formatIpAddress } from "../../linux/netlink/ip-address.ts";
import { type Link, linkFlags } from "../../linux/netlink/link.ts";
import { hostSpace, type ReachFacts } from "./facts.ts";
import {
  commandInside,
  containerNamed,
  hostPort,
  linkOf,
  masterOf,
  neighbourAt,
  spaceOf,
  whoLives,
} from "./look-up.ts";
import { type Packet, sameBytes } from "./packet.ts";
import type { Telling } from "./telling.ts";

/** Who has an address on a link. */
export interface Owner {
  readonly who: string;
  readonly space: string;
  readonly link: Link;
}

export function requireUp(told: Telling, spaceName: string, link: Link): void {
  const who = whoLives(told.facts, spaceName);
  if (!link.up) {
    if (spaceName === hostSpace) told.stop("linkDown", { link: link.name, who }, "doHostLinkUp");
    told.stop("linkDown", { link: link.name, who }, "doRestart");
  }
  const port = spaceName === hostSpace ? undefined : hostPort(told.facts, link);
  if (port !== undefined && !port.up) told.stop("linkDown", { link: port.name, who: "host" }, "doHostLinkUp");
  if ((link.flags & linkFlags.running) === 0 && link.kind === "veth") {
    told.stop("noCarrier", { link: link.name, who }, "doRestart");
  }
}

export function bridgeBehind(told: Telling, spaceName: string, link: Link): Link | undefined {
  const host = spaceOf(told.facts, hostSpace);
  const port = hostPort(told.facts, link);
  if (port === undefined) {
    // What stands on a link of the host is seen from there.
    return link.kind === "macvlan" || link.kind === "ipvlan" ? linkOf(host, link.peerIndex) : undefined;
  }
  const bridge = port.master === 0 ? undefined : linkOf(host, port.master);
  if (bridge === undefined) {
    const who = whoLives(told.facts, spaceName);
    const network = containerNamed(told.facts, who)?.networks[0] ?? "NETWORK";
    told.stop("noPort", { link: link.name, who }, "doMaster", { network });
  }
  if (!bridge.up) told.stop("linkDown", { link: bridge.name, who: "host" }, "doHostLinkUp");
  told.ok("bridge", { port: port.name, bridge: bridge.name });
  return bridge;
}

/** All who have `address` at the bridge, or at the other end of the link. */
export function ownersOf(
  facts: ReachFacts,
  spaceName: string,
  link: Link,
  bridge: Link | undefined,
  address: Uint8Array,
): Owner[] {
  const owners: Owner[] = [];
  const at = bridge ?? link;
  for (const [name, space] of facts.spaces) {
    for (const each of space.addresses) {
      if (!sameBytes(each.address, address)) continue;
      const own = linkOf(space, each.linkIndex);
      if (own === undefined) continue;
      const isThere =
        name === hostSpace
          ? own.index === at.index && spaceName !== hostSpace
          : masterOf(facts, own) === at.index;
      if (isThere && !(name === spaceName && own.index === link.index && owners.length > 0)) {
        owners.push({ who: whoLives(facts, name), space: name, link: own });
      }
    }
  }
  return owners;
}

const standing = ["macvlan", "ipvlan"];

/** What stands on a link of the host sends out of it at once: the host itself never sees that, nor the other way. */
export function requireNotParent(told: Telling, spaceName: string, link: Link, owner: Owner): void {
  if ((spaceName === hostSpace) === (owner.space === hostSpace)) return;
  const [child, space, parent] =
    spaceName === hostSpace ? [owner.link, owner.space, link] : [link, spaceName, owner.link];
  if (!standing.includes(child.kind)) return;
  told.stop(
    "ownParent",
    { target: whoLives(told.facts, space), kind: child.kind, link: parent.name },
    "doOtherMachine",
  );
}

/** A namespace that remembers another's hardware address sends to nobody. */
export function requireOwnMac(
  told: Telling,
  spaceName: string,
  link: Link,
  address: Uint8Array,
  owner: Owner,
): void {
  const neighbour = neighbourAt(spaceOf(told.facts, spaceName), link, address);
  if (neighbour === undefined || neighbour.mac.length === 0) return;
  if (sameBytes(neighbour.mac, owner.link.mac)) return;
  told.stop(
    "wrongMac",
    {
      who: whoLives(told.facts, spaceName),
      address: formatIpAddress(address),
      mac: macText(neighbour.mac),
      owner: owner.who,
      wanted: macText(owner.link.mac),
    },
    "doNeighbour",
    { link: link.name, inside: commandInside(told.facts, spaceName) },
  );
}

/** A bridge breaks nothing up: what one of its links does not take is lost, and nobody is told. */
export function requireSize(
  told: Telling,
  spaceName: string,
  link: Link,
  bridge: Link | undefined,
  owner: Owner,
  packet: Packet,
): void {
  const ports = [
    spaceName === hostSpace ? undefined : hostPort(told.facts, link),
    hostPort(told.facts, owner.link),
  ];
  const between = [...ports, bridge].flatMap((each) => (each === undefined ? [] : [each]));
  // Both ends of a TCP connection say how much they take.
  const sent = packet.protocol === "tcp" ? Math.min(link.mtuBytes, owner.link.mtuBytes) : link.mtuBytes;
  const narrow = [...between, owner.link].find((each) => each.mtuBytes < sent);
  if (narrow !== undefined) {
    told.stop(
      "tooBig",
      { link: narrow.name, bytes: narrow.mtuBytes, sent, who: whoLives(told.facts, spaceName) },
      "doMtu",
    );
  }
  told.ok("mtu", { bytes: sent });
}

export function macText(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
