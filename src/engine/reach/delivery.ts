/** At its destination: who listens there, and whether an answer finds its way back. Pure. */
import { formatIpAddress, parseIpAddress } from "../../linux/netlink/ip-address.ts";
import { hostSpace, type Space } from "./facts.ts";
import { linkOf, masterOf, spaceOf, targetContainer, wayOf, whoLives } from "./look-up.ts";
import { ownersOf, requireOwnMac } from "./neighbours.ts";
import { type Packet, sameBytes } from "./packet.ts";
import { stopNotPublished } from "./resolve-target.ts";
import type { Telling } from "./telling.ts";

/** The packet that goes on when the engine itself listens at its port. */
export function findRelay(told: Telling, packet: Packet): Packet | undefined {
  for (const container of told.facts.containers) {
    const found = container.ports.find(
      (each) => each.mode === "socket" && each.hostPort === packet.port && each.protocol === packet.protocol,
    );
    const address = container.addresses.find((each) => each.length === 4);
    if (found === undefined || address === undefined) continue;
    told.ok("relay", { port: found.hostPort, to: `${container.name}:${found.containerPort}` });
    return {
      ...packet,
      destination: address,
      port: found.containerPort,
      source: new Uint8Array(4),
      isRewritten: false,
    };
  }
  return undefined;
}

export function requireListener(
  told: Telling,
  spaceName: string,
  { listeners }: Space,
  { destination, port, protocol }: Packet,
): void {
  const who = whoLives(told.facts, spaceName);
  const there = listeners.filter((each) => each.protocol === protocol && each.port === port);
  const hears = there.find(({ address }) => hearsAt(address, destination));
  if (hears !== undefined) {
    told.ok("listens", { who, address: shownAddress(hears.address), port });
    return;
  }
  const [other] = there;
  if (other !== undefined) {
    const values = {
      who,
      address: shownAddress(other.address),
      port,
      wanted: formatIpAddress(destination),
    };
    if (spaceName === hostSpace) stopPublishedElsewhere(told, other.address, protocol, values);
    told.stop(isLoopback(other.address) ? "loopbackOnly" : "otherAddressOnly", values, "doListenAll");
  }
  const target = targetContainer(told.facts);
  if (spaceName === hostSpace && target !== undefined && target.space !== hostSpace) {
    stopNotPublished(told, target, { port, protocol });
  }
  const ports = [...new Set(listeners.filter((each) => each.protocol === protocol).map((each) => each.port))];
  told.stop(
    "noListener",
    {
      who,
      port,
      protocol,
      there:
        ports.length === 0
          ? "-"
          : ports
              .sort((one, next) => one - next)
              .slice(0, 20)
              .join(", "),
    },
    "doListen",
  );
}

/** What listens for a container is the engine's own: no program is to be told to listen elsewhere. */
function stopPublishedElsewhere(
  told: Telling,
  listener: Uint8Array,
  protocol: Packet["protocol"],
  values: { readonly address: string; readonly port: number; readonly wanted: string },
): void {
  for (const container of told.facts.containers) {
    for (const each of container.ports) {
      if (each.hostPort !== values.port || each.protocol !== protocol) continue;
      const address = parseIpAddress(each.hostAddress);
      if (address === undefined || !sameBytes(address, unmapped(listener))) continue;
      const published = {
        ...values,
        target: container.livesWith ?? container.name,
        inner: each.containerPort,
      };
      told.stop("publishedHere", published, "doPublishAgain", { protocol });
    }
  }
}

export function requireWayBack(told: Telling, spaceName: string, space: Space, { source }: Packet): void {
  const who = whoLives(told.facts, spaceName);
  const way = wayOf(told.facts, { space: spaceName, destination: source });
  if (way.kind === "none") told.stop("noWayBack", { who, address: formatIpAddress(source) }, "doRoute");
  const link = linkOf(space, way.linkIndex);
  if (link === undefined || way.isLocal) return;
  const hop = way.gateway ?? source;
  const bridge = masterOf(told.facts, link);
  const host = linkOf(spaceOf(told.facts, hostSpace), bridge ?? 0);
  const [owner, ...others] = host === undefined ? [] : ownersOf(told.facts, spaceName, link, host, hop);
  if (owner !== undefined && others.length === 0) requireOwnMac(told, spaceName, link, hop, owner);
  told.ok("wayBack", { link: link.name });
}

const mappedPrefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** An IPv4 address that an IPv6 socket has. */
function unmapped(address: Uint8Array): Uint8Array {
  const isMapped = address.length === 16 && mappedPrefix.every((byte, at) => address[at] === byte);
  return isMapped ? address.subarray(12) : address;
}

function hearsAt(listener: Uint8Array, destination: Uint8Array): boolean {
  const own = unmapped(listener);
  // "::" hears IPv4 as well, unless a program has said otherwise.
  if (own.every((byte) => byte === 0)) return own.length === 16 || destination.length === 4;
  return sameBytes(own, destination);
}

function isLoopback(listener: Uint8Array): boolean {
  const own = unmapped(listener);
  return own.length === 4 ? own[0] === 127 : own.every((byte, at) => byte === (at === 15 ? 1 : 0));
}

function shownAddress(address: Uint8Array): string {
  const own = unmapped(address);
  return own.length === 4 ? formatIpAddress(own) : `[${formatIpAddress(own)}]`;
}
