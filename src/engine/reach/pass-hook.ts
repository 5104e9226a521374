/** What the rules of a hook do to a packet, and what it means when they drop it. Pure. */
import { formatIpAddress } from "../../linux/netlink/ip-address.ts";
import { hostSpace } from "./facts.ts";
import {
  commandInside,
  containerAt,
  joinerName,
  senderName,
  spaceOf,
  targetContainer,
  wayOf,
  whoLives,
} from "./look-up.ts";
import { type Packet, type PacketLink, sameBytes } from "./packet.ts";
import { stopNotPublished } from "./resolve-target.ts";
import type { Telling } from "./telling.ts";
import { type Hook, type RuleName, type Surroundings, walkHook } from "./walk-rules.ts";

/** NFPROTO_* */
const frameFamilies = new Map([
  [5, "netdev"],
  [7, "bridge"],
]);

/** Where a packet comes from and goes to, as far as it is known at a hook. */
interface PassedLinks {
  readonly input?: PacketLink | undefined;
  readonly output?: PacketLink | undefined;
}

/** Rules that look at frames, or at a device, before those that are followed. */
export function noteOthers(told: Telling): void {
  for (const { family, table, name, base, rules } of spaceOf(told.facts, hostSpace).ruleset.chains) {
    const familyName = frameFamilies.get(family);
    if (base === undefined || familyName === undefined) continue;
    if (rules.length === 0 && base.policy === "accept") continue;
    told.note("notFollowed", { chain: name, table, family: familyName });
  }
}

/** Through the rules of a hook; the packet as it comes out. */
export function passHook(
  told: Telling,
  spaceName: string,
  hook: Hook,
  packet: Packet,
  links: PassedLinks,
): Packet {
  const { ruleset } = spaceOf(told.facts, spaceName);
  if (ruleset.chains.length === 0) return packet;
  const who = whoLives(told.facts, spaceName);
  const around = surroundings(told, spaceName, links);
  const { verdict, by, packet: after, rewrittenBy, unknown } = walkHook(ruleset, hook, packet, around);
  for (const rule of unknown) told.note("unreadable", { rule: ruleLine(rule) });
  if (rewrittenBy !== undefined) {
    if (after.isRewritten && !packet.isRewritten) {
      told.ok("rewritten", {
        who,
        hook,
        to: `${formatIpAddress(after.destination)}:${after.port}`,
        rule: ruleLine(rewrittenBy),
      });
    } else if (!sameBytes(after.source, packet.source)) {
      told.ok("hidden", { who, source: formatIpAddress(after.source), rule: ruleLine(rewrittenBy) });
    }
  }
  if (verdict === "accept") {
    if (by !== undefined) told.ok("rulesAccept", { who, hook, rule: ruleLine(by) });
    return after;
  }
  if (by === undefined) throw new Error("a rule without a name ended the packet");
  dropped(told, verdict, spaceName, hook, by, packet, around);
}

function surroundings(
  told: Telling,
  spaceName: string,
  { input: inputLink, output: outputLink }: PassedLinks,
): Surroundings {
  const { addresses } = spaceOf(told.facts, spaceName);
  const ownAddress = addresses.find((each) => each.linkIndex === outputLink?.index)?.address;
  return {
    inputLink,
    outputLink,
    ownAddress,
    isLocal: (address) => address[0] === 127 || addresses.some((each) => sameBytes(each.address, address)),
    linkTo: (address) => {
      const way = wayOf(told.facts, { space: spaceName, destination: address });
      return way.kind === "route" ? way.linkIndex : 0;
    },
  };
}

function dropped(
  told: Telling,
  verdict: "drop" | "reject",
  spaceName: string,
  hook: Hook,
  by: RuleName,
  packet: Packet,
  around: Surroundings,
): never {
  const who = whoLives(told.facts, spaceName);
  const rule = ruleLine(by);
  const isOurs = by.table.startsWith("tiffin");
  const { inputLink, outputLink } = around;
  if (isOurs && hook === "forward") {
    const [input, output] = [inputLink, outputLink].map((link) =>
      told.facts.networks.find((network) => network.bridge === link?.name),
    );
    const target = containerAt(told.facts, packet.destination) ?? targetContainer(told.facts);
    const internal = [input, output].find((network) => network?.internal === true);
    if (internal !== undefined) {
      const remedy = target === undefined || input === undefined ? "doOtherNetwork" : "doConnect";
      const isSender = input === internal || target === undefined;
      told.stop(
        "isInternal",
        { network: internal.name, rule, who: isSender ? senderName(told.facts) : target.name },
        remedy,
        {
          network:
            target?.networks.find((name) => name !== internal.name) ?? target?.networks[0] ?? "NETWORK",
          who: joinerName(told.facts),
        },
      );
    }
    if (input !== undefined && input === output)
      told.stop("closedWithin", { network: input.name }, "doOpenWithin");
    if (input !== undefined && output !== undefined) {
      told.stop(
        "wrongNetwork",
        { who: senderName(told.facts), target: target?.name ?? told.facts.target.text, rule },
        "doConnect",
        {
          network: output.name,
          who: joinerName(told.facts),
        },
      );
    }
    if (output !== undefined && target !== undefined) {
      stopNotPublished(told, target, packet);
    }
  }
  told.stop(
    verdict === "drop" ? "dropped" : "rejected",
    { who, hook, rule },
    by.handle === undefined ? "doAcceptRule" : "doDeleteRule",
    {
      inside: commandInside(told.facts, spaceName),
      family: by.family,
      table: by.table,
      chain: by.chain,
      handle: by.handle ?? "",
      protocol: packet.protocol,
      port: packet.port,
    },
  );
}

function ruleLine({ family, table, chain, handle, text }: RuleName): string {
  return `${family} ${table} ${chain}${handle === undefined ? "" : ` handle ${handle}`}: ${text}`;
}
