/**
 * Can one reach the other? Follows the first packet of a connection along its real way: name, route, neighbour, bridge,
 * rules, listener, and back. Pure: what it wants to know of the kernel's routing beyond the facts it asks for by `NeedsWay`, and is
 * called again with the answer.
 */
import { formatIpAddress } from "../../linux/netlink/ip-address.ts";
import { type Link, linkFlags } from "../../linux/netlink/link.ts";
import {
  hostSpace,
  type ReachContainer,
  type ReachFacts,
  type ReachNetwork,
  type Space,
  type SpaceAddress,
  type Way,
  type WayQuestion,
  wayKey,
} from "./facts.ts";
import { clientPort, type Packet, type PacketLink, sameBytes } from "./packet.ts";
import { type Hook, type RuleName, type Surroundings, walkHook } from "./walk-rules.ts";
import type { Said, SentenceName, Values } from "./words.ts";

export interface Step extends Said {
  readonly outcome: "ok" | "note" | "stop";
}

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

/** A way that the facts do not have yet. */
export class NeedsWay extends Error {
  readonly question: WayQuestion;

  constructor(question: WayQuestion) {
    super("a way is to be looked up");
    this.question = question;
  }
}

class Stopped extends Error {
  readonly remedy: Said;

  constructor(remedy: Said) {
    super("stopped");
    this.remedy = remedy;
  }
}

const program = "tiffin";
/** NFPROTO_* */
const frameFamilies = new Map([
  [5, "netdev"],
  [7, "bridge"],
]);
/** For documentation, so nobody has it (RFC 5737). */
const someoneOutside = Uint8Array.of(203, 0, 113, 7);
const loopbackFlag = linkFlags.loopback;
/** Until a conversation is followed for so many hops, nobody goes in a circle. */
const mostHops = 8;

export function decide(facts: ReachFacts): Decision {
  const journey = new Journey(facts);
  try {
    journey.follow();
    return { ...journey.result(), reachable: true, remedy: undefined };
  } catch (thrown) {
    if (thrown instanceof Stopped) return { ...journey.result(), reachable: false, remedy: thrown.remedy };
    throw thrown;
  }
}

/** Who has an address on a link. */
interface Owner {
  readonly who: string;
  readonly space: string;
  readonly link: Link;
}

class Journey {
  readonly #facts: ReachFacts;
  readonly #steps: Step[] = [];
  #isBeyond = false;
  #sent: Packet | undefined;

  constructor(facts: ReachFacts) {
    this.#facts = facts;
  }

  result(): Pick<Decision, "steps" | "isBeyond" | "packet"> {
    return { steps: this.#steps, isBeyond: this.#isBeyond, packet: this.#sent };
  }

  follow(): void {
    const { from } = this.#facts;
    const sender = from.kind === "container" ? this.#container(from.name) : undefined;
    if (sender !== undefined) this.#requireRunning(sender);
    const target = this.#targetContainer();
    if (target !== undefined) this.#requireRunning(target);
    const destination = this.#resolve(sender, target);
    const { protocol, port } = this.#facts.target;
    const packet: Packet = {
      protocol,
      port,
      destination,
      source: new Uint8Array(destination.length),
      sourcePort: clientPort,
      isRewritten: false,
      mark: 0,
    };
    this.#noteOthers();
    if (from.kind === "outside") this.#fromOutside(packet, from.address);
    else this.#send(sender?.space ?? hostSpace, packet, 0);
  }

  /** Rules that look at frames, or at a device, before those that are followed. */
  #noteOthers(): void {
    for (const { family, table, name, base, rules } of this.#space(hostSpace).ruleset.chains) {
      const familyName = frameFamilies.get(family);
      if (base === undefined || familyName === undefined) continue;
      if (rules.length === 0 && base.policy === "accept") continue;
      this.#note("notFollowed", { chain: name, table, family: familyName });
    }
  }

  #ok(say: SentenceName, values: Values): void {
    this.#steps.push({ say, values, outcome: "ok" });
  }

  #note(say: SentenceName, values: Values): void {
    this.#steps.push({ say, values, outcome: "note" });
  }

  #stop(say: SentenceName, values: Values, remedy: SentenceName, remedyValues: Values = {}): never {
    this.#steps.push({ say, values, outcome: "stop" });
    throw new Stopped({ say: remedy, values: { program, ...values, ...remedyValues } });
  }

  #way(question: WayQuestion): Way {
    const way = this.#facts.ways.get(wayKey(question));
    if (way === undefined) throw new NeedsWay(question);
    return way;
  }

  #space(name: string): Space {
    const space = this.#facts.spaces.get(name);
    if (space === undefined) throw new Error(`no facts of ${name}`);
    return space;
  }

  #container(name: string): ReachContainer | undefined {
    return this.#facts.containers.find((each) => each.name === name);
  }

  #targetContainer(): ReachContainer | undefined {
    const { container } = this.#facts.target;
    return container === undefined ? undefined : this.#container(container);
  }

  /** What people call who lives there. */
  #who(space: string): string {
    if (space === hostSpace) return "host";
    return this.#facts.containers.find((each) => each.space === space)?.name ?? space;
  }

  /** What goes before a command that is to be done there. */
  #inside(space: string): string {
    const pid = this.#facts.containers.find((each) => each.space === space)?.pid;
    return space === hostSpace || pid === undefined ? "" : `nsenter -t ${pid} -n `;
  }

  #sender(): string {
    const { from } = this.#facts;
    return from.kind === "container" ? from.name : from.kind;
  }

  #requireRunning({ name, status, space }: ReachContainer): void {
    if (space === undefined) this.#stop("notRunning", { who: name, status }, "doStart");
  }

  #resolve(sender: ReachContainer | undefined, target: ReachContainer | undefined): Uint8Array {
    const { name, target: wanted, from } = this.#facts;
    if (name.kind === "address" && wanted.address !== undefined) return wanted.address;
    if (from.kind === "outside" && target !== undefined) return this.#publishedAddress(target);
    if (name.kind === "found") {
      this.#ok("nameFound", { name: wanted.text, address: formatIpAddress(name.address), by: name.by });
      return name.address;
    }
    const values = { name: wanted.text, who: this.#sender() };
    if (name.kind === "silent") this.#stop("nameSilent", { ...values, by: name.by }, "doServer");
    const by = name.kind === "unknown" ? name.by : "nobody";
    if (sender !== undefined && target !== undefined) {
      if (!sender.networks.some((network) => target.networks.includes(network))) {
        this.#stop("nameNotShared", { ...values, by }, "doConnect", {
          network: target.networks[0] ?? "NETWORK",
          who: sender.name,
        });
      }
      const named = this.#facts.networks.filter((network) => network.hasNames).map((network) => network.name);
      if (!sender.networks.some((network) => target.networks.includes(network) && named.includes(network))) {
        this.#stop("nameNotThere", { ...values, network: sender.networks[0] ?? "" }, "doNamedNetwork", {
          who: sender.name,
          target: target.name,
        });
      }
    }
    this.#stop("nameUnknown", { ...values, by }, "doName");
  }

  /** From outside a container is known by its published ports alone. */
  #publishedAddress(target: ReachContainer): Uint8Array {
    const { port, protocol } = this.#facts.target;
    const published = target.ports.find((each) => each.containerPort === port && each.protocol === protocol);
    if (published === undefined) {
      this.#stop("notPublished", { target: target.name, port, protocol }, "doPublish", {
        hostPort: port,
        who: target.name,
      });
    }
    const host = this.#outerAddress()?.address;
    if (host === undefined)
      this.#stop("otherFamily", { target: target.name, who: "outside" }, "doLook", { who: target.name });
    return host;
  }

  /** Of the link that leads out. */
  #outerAddress(): SpaceAddress | undefined {
    const { addresses, links } = this.#space(hostSpace);
    const bridges = new Set(this.#facts.networks.map(({ bridge }) => bridge));
    const outer = links.filter((link) => (link.flags & loopbackFlag) === 0 && !bridges.has(link.name));
    const way = this.#way({ space: hostSpace, destination: someoneOutside });
    const leading = way.kind === "route" ? outer.filter(({ index }) => index === way.linkIndex) : [];
    const among = (some: readonly Link[]): SpaceAddress | undefined =>
      addresses.find(
        ({ linkIndex, address }) => address.length === 4 && some.some(({ index }) => index === linkIndex),
      );
    return among(leading) ?? among(outer);
  }

  #fromOutside(packet: Packet, address: Uint8Array | undefined): void {
    const host = this.#space(hostSpace);
    const target = this.#targetContainer();
    const published = target?.ports.find(
      (each) => each.containerPort === packet.port && each.protocol === packet.protocol,
    );
    const port =
      this.#facts.target.address === undefined ? (published?.hostPort ?? packet.port) : packet.port;
    const source = address ?? someoneOutside;
    const back = this.#way({ space: hostSpace, destination: source });
    const link = linkOf(
      host,
      back.kind === "route" ? back.linkIndex : (this.#outerAddress()?.linkIndex ?? 0),
    );
    if (link === undefined) this.#stop("noOutside", {}, "doHostRoute", { address: "0.0.0.0/0" });
    this.#ok("arrives", { who: "host", link: link.name });
    this.#intoHost({ ...packet, source, port }, link, 0, back.kind === "none");
  }

  /** Out of a namespace in which it begins. */
  #send(spaceName: string, packet: Packet, hops: number): void {
    const who = this.#who(spaceName);
    const space = this.#space(spaceName);
    let current = packet;
    let way = this.#wayOut(spaceName, current);
    current = { ...current, source: way.source ?? current.source };
    this.#sent ??= current;
    const around = this.#surroundings(spaceName, undefined, linkOf(space, way.linkIndex));
    const rewritten = this.#rules(spaceName, "output", current, around);
    if (!sameBytes(rewritten.destination, current.destination)) {
      way = this.#wayOut(spaceName, rewritten);
      current = { ...rewritten, source: way.source ?? rewritten.source };
    } else current = rewritten;
    if (way.isLocal) {
      this.#ok("routeLocal", { who, address: formatIpAddress(current.destination) });
      this.#deliver(spaceName, current, undefined, hops);
      return;
    }
    this.#leave(spaceName, current, way, undefined, hops);
  }

  #wayOut(spaceName: string, { destination }: Packet): Extract<Way, { kind: "route" }> {
    const who = this.#who(spaceName);
    const space = this.#space(spaceName);
    const way = this.#way({ space: spaceName, destination });
    if (way.kind === "route") return way;
    const down = space.links.find(
      (link) => !link.up && (link.flags & loopbackFlag) === 0 && link.kind !== "sit" && link.kind !== "ipip",
    );
    if (spaceName !== hostSpace && down !== undefined) {
      this.#stop("linkDown", { link: down.name, who }, "doRestart");
    }
    if (spaceName !== hostSpace && space.links.every((link) => (link.flags & loopbackFlag) !== 0)) {
      this.#stop("noLinks", { who }, "doConnect", {
        network: this.#targetContainer()?.networks[0] ?? "NETWORK",
      });
    }
    const internal = this.#internalOnly(spaceName);
    if (internal !== undefined) {
      const shared = this.#targetContainer()?.networks[0];
      if (shared !== undefined)
        this.#stop("isInternal", { network: internal.name, who }, "doConnect", { network: shared });
      this.#stop("isInternal", { network: internal.name, who }, "doOtherNetwork");
    }
    this.#stop(
      "noRoute",
      { who, address: formatIpAddress(destination) },
      spaceName === hostSpace ? "doHostRoute" : "doRoute",
    );
  }

  #internalOnly(spaceName: string): ReachNetwork | undefined {
    const container = this.#facts.containers.find((each) => each.space === spaceName);
    const own = this.#facts.networks.filter(({ name }) => container?.networks.includes(name));
    return own.length > 0 && own.every(({ internal }) => internal) ? own[0] : undefined;
  }

  /** Through a link, after routing: `input` is where it came from when it is passed on. */
  #leave(
    spaceName: string,
    before: Packet,
    way: Extract<Way, { kind: "route" }>,
    input: PacketLink | undefined,
    hops: number,
  ): void {
    const space = this.#space(spaceName);
    const who = this.#who(spaceName);
    const link = linkOf(space, way.linkIndex);
    const hop = way.gateway ?? before.destination;
    if (link === undefined) {
      this.#stop("noRoute", { who, address: formatIpAddress(before.destination) }, "doRoute");
    }
    const packet = this.#rules(spaceName, "postrouting", before, this.#surroundings(spaceName, input, link));
    this.#ok("route", {
      who,
      source: formatIpAddress(packet.source),
      link: link.name,
      hop: formatIpAddress(hop),
    });
    this.#requireUp(spaceName, link);
    const bridge = spaceName === hostSpace ? link : this.#bridgeBehind(spaceName, link);
    const owners = this.#owners(spaceName, link, bridge, hop);
    const known = this.#facts.networks.some((network) => network.bridge === bridge?.name);
    const neighbour = space.neighbours.find(
      (each) => each.linkIndex === link.index && sameBytes(each.address, hop),
    );
    const [owner, other] = owners;
    if (owner === undefined) {
      if (known && (neighbour === undefined || neighbour.hasFailed || neighbour.mac.length === 0)) {
        this.#stop("nobody", { link: bridge?.name ?? link.name, address: formatIpAddress(hop) }, "doLook", {
          who: this.#targetContainer()?.name ?? this.#facts.target.text,
        });
      }
      this.#isBeyond = true;
      this.#note("leaves", { link: link.name });
      return;
    }
    if (other !== undefined) {
      this.#stop(
        "conflict",
        {
          address: formatIpAddress(hop),
          owners: owners.map((each) => `${each.who} (${macText(each.link.mac)})`).join(", "),
        },
        "doAddress",
      );
    }
    if (neighbour !== undefined && neighbour.mac.length > 0 && !sameBytes(neighbour.mac, owner.link.mac)) {
      this.#stop(
        "wrongMac",
        {
          who,
          address: formatIpAddress(hop),
          mac: macText(neighbour.mac),
          owner: owner.who,
          wanted: macText(owner.link.mac),
        },
        "doNeighbour",
        { link: link.name, inside: this.#inside(spaceName) },
      );
    }
    this.#ok("neighbour", { hop: formatIpAddress(hop), owner: owner.who, mac: macText(owner.link.mac) });
    this.#arrive(spaceName, link, bridge, owner, packet, hops);
  }

  #arrive(
    spaceName: string,
    link: Link,
    bridge: Link | undefined,
    owner: Owner,
    packet: Packet,
    hops: number,
  ): void {
    if (owner.space === hostSpace) {
      if (hops >= mostHops) throw new Error("the packet goes in a circle");
      this.#intoHost(packet, bridge ?? link, hops + 1, false);
      return;
    }
    const network = this.#facts.networks.find((each) => each.bridge === bridge?.name);
    if (spaceName !== hostSpace && network !== undefined && !network.openWithin) {
      this.#stop("closedWithin", { network: network.name }, "doOpenWithin");
    }
    const host = this.#space(hostSpace);
    if (spaceName !== hostSpace && bridge !== undefined && host.filtersBridged) {
      this.#rules(hostSpace, "forward", packet, this.#surroundings(hostSpace, bridge, bridge));
    }
    this.#requireUp(owner.space, owner.link);
    this.#requireSize(spaceName, link, bridge, owner, packet);
    this.#ok("arrives", { who: owner.who, link: owner.link.name });
    const first = this.#rules(
      owner.space,
      "prerouting",
      packet,
      this.#surroundings(owner.space, owner.link, undefined),
    );
    this.#deliver(owner.space, first, owner.link, hops);
  }

  #requireUp(spaceName: string, link: Link): void {
    const who = this.#who(spaceName);
    if (!link.up) {
      if (spaceName === hostSpace) this.#stop("linkDown", { link: link.name, who }, "doHostLinkUp");
      this.#stop("linkDown", { link: link.name, who }, "doRestart");
    }
    const port = spaceName === hostSpace ? undefined : this.#hostPort(link);
    if (port !== undefined && !port.up)
      this.#stop("linkDown", { link: port.name, who: "host" }, "doHostLinkUp");
    if ((link.flags & linkFlags.running) === 0 && link.kind === "veth") {
      this.#stop("noCarrier", { link: link.name, who }, "doRestart");
    }
  }

  /** The host's end of a container's veth. */
  #hostPort(link: Link): Link | undefined {
    if (link.kind !== "veth") return undefined;
    return this.#space(hostSpace).links.find(
      (each) => each.kind === "veth" && each.index === link.peerIndex && each.peerIndex === link.index,
    );
  }

  #bridgeBehind(spaceName: string, link: Link): Link | undefined {
    const host = this.#space(hostSpace);
    const port = this.#hostPort(link);
    if (port === undefined) {
      // What stands on a link of the host is seen from there.
      return link.kind === "macvlan" || link.kind === "ipvlan" ? linkOf(host, link.peerIndex) : undefined;
    }
    const bridge = port.master === 0 ? undefined : linkOf(host, port.master);
    if (bridge === undefined) {
      const who = this.#who(spaceName);
      const network = this.#container(who)?.networks[0] ?? "NETWORK";
      this.#stop("noPort", { link: link.name, who }, "doMaster", { network });
    }
    if (!bridge.up) this.#stop("linkDown", { link: bridge.name, who: "host" }, "doHostLinkUp");
    this.#ok("bridge", { port: port.name, bridge: bridge.name });
    return bridge;
  }

  /** All who have `address` at the bridge, or at the other end of the link. */
  #owners(spaceName: string, link: Link, bridge: Link | undefined, address: Uint8Array): Owner[] {
    const owners: Owner[] = [];
    const at = bridge ?? link;
    for (const [name, space] of this.#facts.spaces) {
      for (const each of space.addresses) {
        if (!sameBytes(each.address, address)) continue;
        const own = linkOf(space, each.linkIndex);
        if (own === undefined) continue;
        const isThere =
          name === hostSpace
            ? own.index === at.index && spaceName !== hostSpace
            : this.#masterOf(own) === at.index;
        if (isThere && !(name === spaceName && own.index === link.index && owners.length > 0)) {
          owners.push({ who: this.#who(name), space: name, link: own });
        }
      }
    }
    return owners;
  }

  #masterOf(link: Link): number | undefined {
    const port = this.#hostPort(link);
    if (port !== undefined) return port.master;
    return link.kind === "macvlan" || link.kind === "ipvlan" ? link.peerIndex : undefined;
  }

  /** A bridge breaks nothing up: what one of its links does not take is lost, and nobody is told. */
  #requireSize(spaceName: string, link: Link, bridge: Link | undefined, owner: Owner, packet: Packet): void {
    const ports = [spaceName === hostSpace ? undefined : this.#hostPort(link), this.#hostPort(owner.link)];
    const between = [...ports, bridge].flatMap((each) => (each === undefined ? [] : [each]));
    // Both ends of a TCP connection say how much they take.
    const sent = packet.protocol === "tcp" ? Math.min(link.mtuBytes, owner.link.mtuBytes) : link.mtuBytes;
    const narrow = [...between, owner.link].find((each) => each.mtuBytes < sent);
    if (narrow !== undefined) {
      this.#stop(
        "tooBig",
        { link: narrow.name, bytes: narrow.mtuBytes, sent, who: this.#who(spaceName) },
        "doMtu",
      );
    }
    this.#ok("mtu", { bytes: sent });
  }

  #intoHost(packet: Packet, link: Link, hops: number, isAnywhere: boolean): void {
    const host = this.#space(hostSpace);
    const { conntrack } = host;
    if (conntrack !== undefined) {
      if (conntrack.count >= conntrack.max) {
        this.#stop("conntrackFull", { ...conntrack }, "doConntrack", { more: conntrack.max * 2 });
      }
      this.#ok("conntrack", { ...conntrack });
    }
    const around = this.#surroundings(hostSpace, link, undefined);
    const current = this.#rules(hostSpace, "prerouting", packet, around);
    // What comes from anywhere has an address that no table of this machine needs to know.
    const way = this.#way({
      space: hostSpace,
      destination: current.destination,
      ...(isAnywhere ? {} : { source: current.source, inputLink: link.index }),
    });
    if (way.kind === "none") this.#refusedWay(way.error, current, link);
    if (way.isLocal) {
      this.#deliver(hostSpace, current, link, hops);
      return;
    }
    const output = linkOf(host, way.linkIndex);
    if (output === undefined) {
      this.#stop("noRoute", { who: "host", address: formatIpAddress(current.destination) }, "doHostRoute");
    }
    this.#ok("forwarded", { input: link.name, output: output.name });
    const forwarded = this.#rules(hostSpace, "forward", current, this.#surroundings(hostSpace, link, output));
    this.#leave(hostSpace, forwarded, way, link, hops);
  }

  #refusedWay(error: string, packet: Packet, link: Link): never {
    const address = formatIpAddress(packet.destination);
    if (error === "EXDEV" || error === "EINVAL") {
      this.#stop(
        "sourceRefused",
        { source: formatIpAddress(packet.source), link: link.name },
        "doReversePath",
      );
    }
    if (
      error === "EHOSTUNREACH" &&
      this.#way({ space: hostSpace, destination: packet.destination }).kind === "route"
    ) {
      this.#stop("notForwarding", {}, "doForward");
    }
    this.#stop("noRoute", { who: "host", address }, "doHostRoute");
  }

  /** To the programs of a namespace. */
  #deliver(spaceName: string, before: Packet, link: Link | undefined, hops: number): void {
    const space = this.#space(spaceName);
    const packet = this.#rules(spaceName, "input", before, this.#surroundings(spaceName, link, undefined));
    if (spaceName === hostSpace && this.#relayed(packet, hops)) return;
    this.#requireListener(spaceName, space, packet);
    const container = this.#facts.containers.find((each) => each.space === spaceName);
    if (container?.status === "paused") this.#stop("isPaused", { who: container.name }, "doUnpause");
    if (link !== undefined && spaceName !== hostSpace) this.#wayBack(spaceName, space, packet);
  }

  /** A port that the engine itself listens at. */
  #relayed(packet: Packet, hops: number): boolean {
    for (const container of this.#facts.containers) {
      const found = container.ports.find(
        (each) =>
          each.mode === "socket" && each.hostPort === packet.port && each.protocol === packet.protocol,
      );
      const address = container.addresses.find((each) => each.length === 4);
      if (found === undefined || address === undefined) continue;
      this.#ok("relay", { port: found.hostPort, to: `${container.name}:${found.containerPort}` });
      this.#send(
        hostSpace,
        {
          ...packet,
          destination: address,
          port: found.containerPort,
          source: new Uint8Array(4),
          isRewritten: false,
        },
        hops + 1,
      );
      return true;
    }
    return false;
  }

  #requireListener(spaceName: string, { listeners }: Space, { destination, port, protocol }: Packet): void {
    const who = this.#who(spaceName);
    const there = listeners.filter((each) => each.protocol === protocol && each.port === port);
    const hears = there.find(({ address }) => hearsAt(address, destination));
    if (hears !== undefined) {
      this.#ok("listens", { who, address: shownAddress(hears.address), port });
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
      this.#stop(isLoopback(other.address) ? "loopbackOnly" : "otherAddressOnly", values, "doListenAll");
    }
    const target = this.#targetContainer();
    if (spaceName === hostSpace && target !== undefined && target.space !== hostSpace) {
      this.#stop("notPublished", { target: target.name, port, protocol }, "doPublish", {
        hostPort: port,
        who: target.name,
      });
    }
    const ports = [
      ...new Set(listeners.filter((each) => each.protocol === protocol).map((each) => each.port)),
    ];
    this.#stop(
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

  #wayBack(spaceName: string, space: Space, { source }: Packet): void {
    const who = this.#who(spaceName);
    const way = this.#way({ space: spaceName, destination: source });
    if (way.kind === "none") this.#stop("noWayBack", { who, address: formatIpAddress(source) }, "doRoute");
    const link = linkOf(space, way.linkIndex);
    if (link === undefined || way.isLocal) return;
    const hop = way.gateway ?? source;
    const neighbour = space.neighbours.find(
      (each) => each.linkIndex === link.index && sameBytes(each.address, hop),
    );
    const bridge = this.#masterOf(link);
    const host = linkOf(this.#space(hostSpace), bridge ?? 0);
    const [owner, ...others] = host === undefined ? [] : this.#owners(spaceName, link, host, hop);
    if (
      owner !== undefined &&
      others.length === 0 &&
      neighbour !== undefined &&
      neighbour.mac.length > 0 &&
      !sameBytes(neighbour.mac, owner.link.mac)
    ) {
      this.#stop(
        "wrongMac",
        {
          who,
          address: formatIpAddress(hop),
          mac: macText(neighbour.mac),
          owner: owner.who,
          wanted: macText(owner.link.mac),
        },
        "doNeighbour",
        { link: link.name, inside: this.#inside(spaceName) },
      );
    }
    this.#ok("wayBack", { link: link.name });
  }

  #surroundings(
    spaceName: string,
    inputLink: PacketLink | undefined,
    outputLink: PacketLink | undefined,
  ): Surroundings {
    const { addresses } = this.#space(spaceName);
    const ownAddress = addresses.find((each) => each.linkIndex === outputLink?.index)?.address;
    return {
      inputLink,
      outputLink,
      ownAddress,
      isLocal: (address) => address[0] === 127 || addresses.some((each) => sameBytes(each.address, address)),
      linkTo: (address) => {
        const way = this.#way({ space: spaceName, destination: address });
        return way.kind === "route" ? way.linkIndex : 0;
      },
    };
  }

  /** Through the rules of a hook; the packet as it comes out. */
  #rules(spaceName: string, hook: Hook, packet: Packet, around: Surroundings): Packet {
    const { ruleset } = this.#space(spaceName);
    if (ruleset.chains.length === 0) return packet;
    const who = this.#who(spaceName);
    const { verdict, by, packet: after, rewrittenBy, unknown } = walkHook(ruleset, hook, packet, around);
    for (const rule of unknown) this.#note("unreadable", { rule: ruleLine(rule) });
    if (rewrittenBy !== undefined) {
      if (after.isRewritten && !packet.isRewritten) {
        this.#ok("rewritten", {
          who,
          hook,
          to: `${formatIpAddress(after.destination)}:${after.port}`,
          rule: ruleLine(rewrittenBy),
        });
      } else if (!sameBytes(after.source, packet.source)) {
        this.#ok("hidden", { who, source: formatIpAddress(after.source), rule: ruleLine(rewrittenBy) });
      }
    }
    if (verdict === "accept") {
      if (by !== undefined) this.#ok("rulesAccept", { who, hook, rule: ruleLine(by) });
      return after;
    }
    if (by === undefined) throw new Error("a rule without a name ended the packet");
    this.#dropped(verdict, spaceName, hook, by, packet, around);
  }

  #dropped(
    verdict: "drop" | "reject",
    spaceName: string,
    hook: Hook,
    by: RuleName,
    packet: Packet,
    around: Surroundings,
  ): never {
    const who = this.#who(spaceName);
    const rule = ruleLine(by);
    const isOurs = by.table.startsWith("tiffin");
    const { inputLink, outputLink } = around;
    if (isOurs && hook === "forward") {
      const [input, output] = [inputLink, outputLink].map((link) =>
        this.#facts.networks.find((network) => network.bridge === link?.name),
      );
      const target = this.#containerAt(packet.destination) ?? this.#targetContainer();
      const internal = [input, output].find((network) => network?.internal === true);
      if (internal !== undefined) {
        const remedy = target === undefined || input === undefined ? "doOtherNetwork" : "doConnect";
        const isSender = input === internal || target === undefined;
        this.#stop(
          "isInternal",
          { network: internal.name, rule, who: isSender ? this.#sender() : target.name },
          remedy,
          {
            network:
              target?.networks.find((name) => name !== internal.name) ?? target?.networks[0] ?? "NETWORK",
            who: this.#sender(),
          },
        );
      }
      if (input !== undefined && input === output)
        this.#stop("closedWithin", { network: input.name }, "doOpenWithin");
      if (input !== undefined && output !== undefined) {
        this.#stop(
          "wrongNetwork",
          { who: this.#sender(), target: target?.name ?? this.#facts.target.text, rule },
          "doConnect",
          {
            network: output.name,
          },
        );
      }
      if (output !== undefined && target !== undefined) {
        const { port, protocol } = packet;
        this.#stop("notPublished", { target: target.name, port, protocol }, "doPublish", {
          hostPort: port,
          who: target.name,
        });
      }
    }
    this.#stop(
      verdict === "drop" ? "dropped" : "rejected",
      { who, hook, rule },
      by.handle === undefined ? "doAcceptRule" : "doDeleteRule",
      {
        inside: this.#inside(spaceName),
        family: by.family,
        table: by.table,
        chain: by.chain,
        handle: by.handle ?? "",
        protocol: packet.protocol,
        port: packet.port,
      },
    );
  }

  #containerAt(address: Uint8Array): ReachContainer | undefined {
    return this.#facts.containers.find((each) => each.addresses.some((own) => sameBytes(own, address)));
  }
}

function linkOf({ links }: Space, index: number): Link | undefined {
  return links.find((link) => link.index === index);
}

function macText(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

export function ruleLine({ family, table, chain, handle, text }: RuleName): string {
  return `${family} ${table} ${chain}${handle === undefined ? "" : ` handle ${handle}`}: ${text}`;
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
