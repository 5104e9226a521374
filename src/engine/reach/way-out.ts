/** Which way a packet takes out of a namespace, and why there is none. Pure. */
import { formatIpAddress } from "../../linux/netlink/ip-address.ts";
import { type Link, linkFlags } from "../../linux/netlink/link.ts";
import { hostSpace, type ReachFacts, type ReachNetwork, type Way } from "./facts.ts";
import { stopAlone } from "./join-advice.ts";
import { containerIn, spaceOf, targetContainer, wayOf, whoLives } from "./look-up.ts";
import type { Packet } from "./packet.ts";
import type { Telling } from "./telling.ts";

export type Route = Extract<Way, { kind: "route" }>;

export function wayOut(told: Telling, spaceName: string, { destination }: Packet): Route {
  const who = whoLives(told.facts, spaceName);
  const space = spaceOf(told.facts, spaceName);
  const way = wayOf(told.facts, { space: spaceName, destination });
  if (way.kind === "route") return way;
  const down = space.links.find(
    (link) =>
      !link.up && (link.flags & linkFlags.loopback) === 0 && link.kind !== "sit" && link.kind !== "ipip",
  );
  if (spaceName !== hostSpace && down !== undefined) {
    told.stop("linkDown", { link: down.name, who }, "doRestart");
  }
  if (spaceName !== hostSpace && space.links.every((link) => (link.flags & linkFlags.loopback) !== 0)) {
    const container = containerIn(told.facts, spaceName);
    if (container !== undefined) stopAlone(told, container, targetContainer(told.facts));
    told.stop("noLinks", { who }, "doConnect", { network: "NETWORK" });
  }
  const internal = internalOnly(told.facts, spaceName);
  if (internal !== undefined) {
    const shared = targetContainer(told.facts)?.networks[0];
    if (shared !== undefined)
      told.stop("isInternal", { network: internal.name, who }, "doConnect", { network: shared });
    told.stop("isInternal", { network: internal.name, who }, "doOtherNetwork");
  }
  told.stop(
    "noRoute",
    { who, address: formatIpAddress(destination) },
    spaceName === hostSpace ? "doHostRoute" : "doRoute",
  );
}

function internalOnly(facts: ReachFacts, spaceName: string): ReachNetwork | undefined {
  const container = containerIn(facts, spaceName);
  const own = facts.networks.filter(({ name }) => container?.networks.includes(name));
  return own.length > 0 && own.every(({ internal }) => internal) ? own[0] : undefined;
}

/** What the host has no way for, or refuses to pass on. */
export function stopRefused(told: Telling, error: string, packet: Packet, link: Link): never {
  const address = formatIpAddress(packet.destination);
  if (error === "EXDEV" || error === "EINVAL") {
    told.stop("sourceRefused", { source: formatIpAddress(packet.source), link: link.name }, "doReversePath");
  }
  if (
    error === "EHOSTUNREACH" &&
    wayOf(told.facts, { space: hostSpace, destination: packet.destination }).kind === "route"
  ) {
    told.stop("notForwarding", {}, "doForward");
  }
  told.stop("noRoute", { who: "host", address }, "doHostRoute");
}
