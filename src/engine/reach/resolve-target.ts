/** Which address is meant: by name, or by what is published. Pure. */
import { formatIpAddress } from "../../linux/netlink/ip-address.ts";
import { type Link, linkFlags } from "../../linux/netlink/link.ts";
import { hostSpace, type ReachContainer, type SpaceAddress } from "./facts.ts";
import { senderName, spaceOf, wayOf } from "./look-up.ts";
import type { Packet } from "./packet.ts";
import type { Telling } from "./telling.ts";

/** For documentation, so nobody has it (RFC 5737). */
export const someoneOutside = Uint8Array.of(203, 0, 113, 7);

export function resolveTarget(
  told: Telling,
  sender: ReachContainer | undefined,
  target: ReachContainer | undefined,
): Uint8Array {
  const { name, target: wanted, from } = told.facts;
  if (name.kind === "address" && wanted.address !== undefined) return wanted.address;
  if (from.kind === "outside" && target !== undefined) return publishedAddress(told, target);
  if (name.kind === "found") {
    told.ok("nameFound", { name: wanted.text, address: formatIpAddress(name.address), by: name.by });
    return name.address;
  }
  const values = { name: wanted.text, who: senderName(told.facts) };
  if (name.kind === "silent") told.stop("nameSilent", { ...values, by: name.by }, "doServer");
  const by = name.kind === "unknown" ? name.by : "nobody";
  if (sender !== undefined && target !== undefined) {
    if (!sender.networks.some((network) => target.networks.includes(network))) {
      told.stop("nameNotShared", { ...values, by }, "doConnect", {
        network: target.networks[0] ?? "NETWORK",
        who: sender.name,
      });
    }
    const named = told.facts.networks.filter((network) => network.hasNames).map((network) => network.name);
    if (!sender.networks.some((network) => target.networks.includes(network) && named.includes(network))) {
      told.stop("nameNotThere", { ...values, network: sender.networks[0] ?? "" }, "doNamedNetwork", {
        who: sender.name,
        target: target.name,
      });
    }
  }
  told.stop("nameUnknown", { ...values, by }, "doName");
}

/** From outside a container is known by its published ports alone. */
function publishedAddress(told: Telling, target: ReachContainer): Uint8Array {
  const { port, protocol } = told.facts.target;
  const published = target.ports.find((each) => each.containerPort === port && each.protocol === protocol);
  if (published === undefined) {
    stopNotPublished(told, target, { port, protocol });
  }
  const host = outerAddress(told)?.address;
  if (host === undefined)
    told.stop("otherFamily", { target: target.name, who: "outside" }, "doLook", { who: target.name });
  return host;
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

/** Of the link that leads out. */
export function outerAddress(told: Telling): SpaceAddress | undefined {
  const { addresses, links } = spaceOf(told.facts, hostSpace);
  const bridges = new Set(told.facts.networks.map(({ bridge }) => bridge));
  const outer = links.filter((link) => (link.flags & linkFlags.loopback) === 0 && !bridges.has(link.name));
  const way = wayOf(told.facts, { space: hostSpace, destination: someoneOutside });
  const leading = way.kind === "route" ? outer.filter(({ index }) => index === way.linkIndex) : [];
  const among = (some: readonly Link[]): SpaceAddress | undefined =>
    addresses.find(
      ({ linkIndex, address }) => address.length === 4 && some.some(({ index }) => index === linkIndex),
    );
  return among(leading) ?? among(outer);
}
