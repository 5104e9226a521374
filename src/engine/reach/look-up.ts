/** Looking things up in the facts: spaces, ways, containers, links and who is meant by what. Pure. */
import type { Link } from "../../linux/netlink/link.ts";
import {
  hostSpace,
  type ReachContainer,
  type ReachFacts,
  type Space,
  type SpaceNeighbour,
  type Way,
  type WayQuestion,
  wayKey,
} from "./facts.ts";
import { sameBytes } from "./packet.ts";

/** A way that the facts do not have yet. */
export class NeedsWay extends Error {
  readonly question: WayQuestion;

  constructor(question: WayQuestion) {
    super("a way is to be looked up");
    this.question = question;
  }
}

export function wayOf(facts: ReachFacts, question: WayQuestion): Way {
  const way = facts.ways.get(wayKey(question));
  if (way === undefined) throw new NeedsWay(question);
  return way;
}

export function spaceOf(facts: ReachFacts, name: string): Space {
  const space = facts.spaces.get(name);
  if (space === undefined) throw new Error(`no facts of ${name}`);
  return space;
}

export function containerNamed(facts: ReachFacts, name: string): ReachContainer | undefined {
  return facts.containers.find((each) => each.name === name);
}

export function targetContainer(facts: ReachFacts): ReachContainer | undefined {
  const { container } = facts.target;
  return container === undefined ? undefined : containerNamed(facts, container);
}

/** The container that lives in a space; of those that share one, the one whose it is. */
export function containerIn(facts: ReachFacts, space: string): ReachContainer | undefined {
  const living = facts.containers.filter((each) => each.space === space);
  return living.find(({ livesWith }) => livesWith === undefined) ?? living[0];
}

export function containerAt(facts: ReachFacts, address: Uint8Array): ReachContainer | undefined {
  return facts.containers.find((each) => each.addresses.some((own) => sameBytes(own, address)));
}

/** What people call who lives there. */
export function whoLives(facts: ReachFacts, space: string): string {
  if (space === hostSpace) return "host";
  return containerIn(facts, space)?.name ?? space;
}

/** What goes before a command that is to be done there. */
export function commandInside(facts: ReachFacts, space: string): string {
  const pid = containerIn(facts, space)?.pid;
  return space === hostSpace || pid === undefined ? "" : `nsenter -t ${pid} -n `;
}

export function senderName(facts: ReachFacts): string {
  const { from } = facts;
  return from.kind === "container" ? from.name : from.kind;
}

/** Who is to join a network so that the sender is in it. */
export function joinerName(facts: ReachFacts): string {
  const name = senderName(facts);
  return containerNamed(facts, name)?.livesWith ?? name;
}

export function linkOf({ links }: Space, index: number): Link | undefined {
  return links.find((link) => link.index === index);
}

/** Whom a namespace has found at an address behind a link. */
export function neighbourAt(
  { neighbours }: Space,
  link: Link,
  address: Uint8Array,
): SpaceNeighbour | undefined {
  return neighbours.find((each) => each.linkIndex === link.index && sameBytes(each.address, address));
}

/** The host's end of a container's veth. */
export function hostPort(facts: ReachFacts, link: Link): Link | undefined {
  if (link.kind !== "veth") return undefined;
  return spaceOf(facts, hostSpace).links.find(
    (each) => each.kind === "veth" && each.index === link.peerIndex && each.peerIndex === link.index,
  );
}

/** The bridge, or the link of the host, that a link of a container stands on. */
export function masterOf(facts: ReachFacts, link: Link): number | undefined {
  const port = hostPort(facts, link);
  if (port !== undefined) return port.master;
  return link.kind === "macvlan" || link.kind === "ipvlan" ? link.peerIndex : undefined;
}
