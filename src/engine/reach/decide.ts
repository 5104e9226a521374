/**
 * Can one reach the other? Follows the first packet of a connection along its real way: name, route, neighbour, bridge,
 * rules, listener, and back. Pure: what it wants to know of the kernel's routing beyond the facts it asks for by `NeedsWay`, and is
 * called again with the answer.
 */
import { formatIpAddress } from "../../linux/netlink/ip-address.ts";
import type { Link } from "../../linux/netlink/link.ts";
import { findRelay, requireListener, requireWayBack } from "./delivery.ts";
import { hostSpace, type ReachContainer, type ReachFacts } from "./facts.ts";
import {
  containerIn,
  containerNamed,
  linkOf,
  neighbourAt,
  spaceOf,
  targetContainer,
  wayOf,
  whoLives,
} from "./look-up.ts";
import {
  bridgeBehind,
  macText,
  type Owner,
  ownersOf,
  requireNotParent,
  requireOwnMac,
  requireSize,
  requireUp,
} from "./neighbours.ts";
import { clientPort, type Packet, type PacketLink, sameBytes } from "./packet.ts";
import { noteOthers, passHook } from "./pass-hook.ts";
import { outerAddress, publishedFor, resolveTarget, someoneOutside } from "./resolve-target.ts";
import { type Step, Stopped, Telling } from "./telling.ts";
import { type Route, stopRefused, wayOut } from "./way-out.ts";
import type { Said } from "./words.ts";

export { NeedsWay } from "./look-up.ts";

export interface Decision {
  readonly steps: readonly Step[];
  readonly reachable: boolean;
  /** It goes beyond what can be seen here. */
  readonly isBeyond: boolean;
  /** What would open it. */
  readonly remedy: Said | undefined;
  /** Where a real packet is to go, as the sender writes it. */
  readonly packet: Packet | undefined;
}

/** Until a conversation is followed for so many hops, nobody goes in a circle. */
const mostHops = 8;

export function decide(facts: ReachFacts): Decision {
  const told = new Telling(facts);
  const result = (reachable: boolean, remedy: Said | undefined): Decision => ({
    steps: told.steps,
    isBeyond: told.isBeyond,
    packet: told.sent,
    reachable,
    remedy,
  });
  try {
    follow(told);
    return result(true, undefined);
  } catch (thrown) {
    if (thrown instanceof Stopped) return result(false, thrown.remedy);
    throw thrown;
  }
}

function follow(told: Telling): void {
  const { from } = told.facts;
  const sender = from.kind === "container" ? containerNamed(told.facts, from.name) : undefined;
  if (sender !== undefined) requireRunning(told, sender);
  const target = targetContainer(told.facts);
  if (target !== undefined) requireRunning(told, target);
  const destination = resolveTarget(told, sender, target);
  const { protocol, port } = told.facts.target;
  const packet: Packet = {
    protocol,
    port,
    destination,
    source: new Uint8Array(destination.length),
    sourcePort: clientPort,
    isRewritten: false,
    mark: 0,
  };
  noteOthers(told);
  if (from.kind === "outside") fromOutside(told, packet, from.address);
  else send(told, sender?.space ?? hostSpace, packet, 0);
}

function requireRunning(told: Telling, { name, status, space }: ReachContainer): void {
  if (space === undefined) told.stop("notRunning", { who: name, status }, "doStart");
}

function fromOutside(told: Telling, packet: Packet, address: Uint8Array | undefined): void {
  const host = spaceOf(told.facts, hostSpace);
  const target = targetContainer(told.facts);
  const source = address ?? someoneOutside(packet.destination);
  if (source.length !== packet.destination.length) {
    const shown = formatIpAddress(packet.destination);
    told.stop("otherFamily", { target: shown, who: formatIpAddress(source) }, "doLook", { who: shown });
  }
  const published = publishedFor(target, packet, source);
  const isOfContainer = told.facts.target.address === undefined && !told.facts.target.isMachine;
  const port = isOfContainer ? (published?.hostPort ?? packet.port) : packet.port;
  const back = wayOf(told.facts, { space: hostSpace, destination: source });
  const link = linkOf(
    host,
    back.kind === "route" ? back.linkIndex : (outerAddress(told, source)?.linkIndex ?? 0),
  );
  if (link === undefined) told.stop("noOutside", {}, "doHostRoute", { address: "0.0.0.0/0" });
  told.ok("arrives", { who: "host", link: link.name });
  told.isSent({ ...packet, source, port });
  intoHost(told, { ...packet, source, port }, link, 0, back.kind === "none");
}

/** Out of a namespace in which it begins. */
function send(told: Telling, spaceName: string, packet: Packet, hops: number): void {
  const who = whoLives(told.facts, spaceName);
  const space = spaceOf(told.facts, spaceName);
  let current = packet;
  let way = wayOut(told, spaceName, current);
  current = { ...current, source: way.source ?? current.source };
  told.isSent(current);
  const rewritten = passHook(told, spaceName, "output", current, { output: linkOf(space, way.linkIndex) });
  if (!sameBytes(rewritten.destination, current.destination)) {
    way = wayOut(told, spaceName, rewritten);
    current = { ...rewritten, source: way.source ?? rewritten.source };
  } else current = rewritten;
  if (way.isLocal) {
    told.ok("routeLocal", { who, address: formatIpAddress(current.destination) });
    deliver(told, spaceName, current, undefined, hops);
    return;
  }
  leave(told, spaceName, current, way, undefined, hops);
}

/** Through a link, after routing: `input` is where it came from when it is passed on. */
function leave(
  told: Telling,
  spaceName: string,
  before: Packet,
  way: Route,
  input: PacketLink | undefined,
  hops: number,
): void {
  const space = spaceOf(told.facts, spaceName);
  const who = whoLives(told.facts, spaceName);
  const link = linkOf(space, way.linkIndex);
  const hop = way.gateway ?? before.destination;
  if (link === undefined) {
    told.stop("noRoute", { who, address: formatIpAddress(before.destination) }, "doRoute");
  }
  const packet = passHook(told, spaceName, "postrouting", before, { input, output: link });
  told.ok("route", {
    who,
    source: formatIpAddress(packet.source),
    link: link.name,
    hop: formatIpAddress(hop),
  });
  requireUp(told, spaceName, link);
  const bridge = spaceName === hostSpace ? link : bridgeBehind(told, spaceName, link);
  const owners = ownersOf(told.facts, spaceName, link, bridge, hop);
  const known = told.facts.networks.some((network) => network.bridge === bridge?.name);
  const neighbour = neighbourAt(space, link, hop);
  const [owner, other] = owners;
  if (owner === undefined) {
    if (known && (neighbour === undefined || neighbour.hasFailed || neighbour.mac.length === 0)) {
      told.stop("nobody", { link: bridge?.name ?? link.name, address: formatIpAddress(hop) }, "doLook", {
        who: targetContainer(told.facts)?.name ?? told.facts.target.text,
      });
    }
    told.goesBeyond("leaves", { link: link.name });
    return;
  }
  if (other !== undefined) {
    told.stop(
      "conflict",
      {
        address: formatIpAddress(hop),
        owners: owners.map((each) => `${each.who} (${macText(each.link.mac)})`).join(", "),
      },
      "doAddress",
    );
  }
  requireNotParent(told, spaceName, link, owner);
  requireOwnMac(told, spaceName, link, hop, owner);
  told.ok("neighbour", { hop: formatIpAddress(hop), owner: owner.who, mac: macText(owner.link.mac) });
  arrive(told, spaceName, link, bridge, owner, packet, hops);
}

function arrive(
  told: Telling,
  spaceName: string,
  link: Link,
  bridge: Link | undefined,
  owner: Owner,
  packet: Packet,
  hops: number,
): void {
  if (owner.space === hostSpace) {
    if (hops >= mostHops) throw new Error("the packet goes in a circle");
    intoHost(told, packet, bridge ?? link, hops + 1, false);
    return;
  }
  const network = told.facts.networks.find((each) => each.bridge === bridge?.name);
  if (spaceName !== hostSpace && network !== undefined && !network.openWithin) {
    told.stop("closedWithin", { network: network.name }, "doOpenWithin");
  }
  const host = spaceOf(told.facts, hostSpace);
  if (spaceName !== hostSpace && bridge !== undefined && host.filtersBridged) {
    passHook(told, hostSpace, "forward", packet, { input: bridge, output: bridge });
  }
  requireUp(told, owner.space, owner.link);
  requireSize(told, spaceName, link, bridge, owner, packet);
  told.ok("arrives", { who: owner.who, link: owner.link.name });
  const first = passHook(told, owner.space, "prerouting", packet, { input: owner.link });
  deliver(told, owner.space, first, owner.link, hops);
}

function intoHost(told: Telling, packet: Packet, link: Link, hops: number, isAnywhere: boolean): void {
  const host = spaceOf(told.facts, hostSpace);
  const { conntrack } = host;
  if (conntrack !== undefined) {
    if (conntrack.count >= conntrack.max) {
      told.stop("conntrackFull", { ...conntrack }, "doConntrack", { more: conntrack.max * 2 });
    }
    told.ok("conntrack", { ...conntrack });
  }
  const current = passHook(told, hostSpace, "prerouting", packet, { input: link });
  // What comes from anywhere has an address that no table of this machine needs to know.
  const way = wayOf(told.facts, {
    space: hostSpace,
    destination: current.destination,
    ...(isAnywhere ? {} : { source: current.source, inputLink: link.index }),
  });
  if (way.kind === "none") stopRefused(told, way.error, current, link);
  if (way.isLocal) {
    deliver(told, hostSpace, current, link, hops);
    return;
  }
  const output = linkOf(host, way.linkIndex);
  if (output === undefined) {
    told.stop("noRoute", { who: "host", address: formatIpAddress(current.destination) }, "doHostRoute");
  }
  told.ok("forwarded", { input: link.name, output: output.name });
  const forwarded = passHook(told, hostSpace, "forward", current, { input: link, output });
  leave(told, hostSpace, forwarded, way, link, hops);
}

/** To the programs of a namespace. */
function deliver(
  told: Telling,
  spaceName: string,
  before: Packet,
  link: Link | undefined,
  hops: number,
): void {
  const space = spaceOf(told.facts, spaceName);
  const packet = passHook(told, spaceName, "input", before, { input: link });
  const onwards = spaceName === hostSpace ? findRelay(told, packet) : undefined;
  if (onwards !== undefined) {
    send(told, hostSpace, onwards, hops + 1);
    return;
  }
  requireListener(told, spaceName, space, packet);
  const container = containerIn(told.facts, spaceName);
  if (container?.status === "paused") told.stop("isPaused", { who: container.name }, "doUnpause");
  if (link !== undefined && spaceName !== hostSpace) requireWayBack(told, spaceName, space, packet);
}
