/**
 * Performs network ops in the order given; neighbours that are netlink requests to the same place share a system
 * call. An op that is already true (link gone, address there) is no failure: ops are decided from an observation that
 * may be a moment old.
 */

import type { NetlinkSocket, PacketSocket } from "../../kernel/netlink/mod.ts";
import { findLink, NetlinkError, nftTransaction, writeSysctl } from "../../kernel/netlink/mod.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import { randomHex } from "../../lib/ids.ts";
import { addAddress, addIpv6Address, deleteAddress } from "../../linux/netlink/address.ts";
import { announcement } from "../../linux/netlink/announcement.ts";
import { addressFamilies, parseIpAddress } from "../../linux/netlink/ip-address.ts";
import { defaultRouteByLink, replaceIpRoute } from "../../linux/netlink/ip-route.ts";
import { ipv6Bytes } from "../../linux/netlink/ipv6.ts";
import {
  deleteLink,
  deleteLinkGroup,
  getLink,
  type LinkKind,
  newLink,
  setLink,
} from "../../linux/netlink/link.ts";
import { messageFlags, type NetlinkRequest } from "../../linux/netlink/message.ts";
import { addVxlanPeer, deleteNeighbour } from "../../linux/netlink/neighbour.ts";
import { deleteRule, deleteTable, newRule, newTable } from "../../linux/netlink/nftables/request.ts";
import { replaceRoute } from "../../linux/netlink/route.ts";
import { broadcastFor } from "./decide.ts";
import { addContents, deleteContents, replaceRuleset } from "./firewall.ts";
import type { MadeUnderlay } from "./model.ts";
import { type NetOp, renderNetOp } from "./op.ts";

/** Where ops act: sockets belong to a namespace. */
export interface ApplyContext {
  /** rtnetlink of the namespace. */
  readonly route: NetlinkSocket;
  /** Needed by table and rule ops only. */
  readonly netfilter?: NetlinkSocket;
  /** Needed by vethAdd: the namespace that gets the other end. */
  readonly peerNetnsFd?: number;
  /** Needed by announce only. */
  readonly packets?: PacketSocket | undefined;
  /** Indexes of links that need not be asked for. */
  readonly knownLinks?: ReadonlyMap<string, number>;
}

/** Errnos that say that the op's end state is there already. */
const alreadyTrue: Partial<Record<NetOp["op"], string>> = {
  // A kernel without IPv6.
  ipv6Quiet: "EAFNOSUPPORT",
  underlayAdd: "EEXIST",
  vxlanPeer: "EEXIST",
  linkDelete: "ENODEV",
  neighbourForget: "ENOENT",
  addressAdd: "EEXIST",
  address6Add: "EEXIST",
  addressDelete: "EADDRNOTAVAIL",
  ruleDelete: "ENOENT",
  // Somebody flushed the table; it is built without them.
  contentsDelete: "ENOENT",
};

/** The code of the error when another link has the MAC. */
export const macInUse = "network.mac-in-use";

/** Throws `TiffinError` naming the op that failed. */
export function applyNetOps(ops: readonly NetOp[], context: ApplyContext): void {
  const links = new LinkIndexes(context);
  let batch: { readonly op: NetOp; readonly request: NetlinkRequest }[] = [];
  const flush = () => {
    const sent = batch;
    batch = [];
    if (sent.length === 0) return;
    const outcomes = context.route.executeEach(sent.map(({ request }) => request));
    outcomes.forEach((outcome, index) => {
      const op = sent[index]?.op;
      if (outcome === undefined || op === undefined || alreadyTrue[op.op] === outcome.code) return;
      throw failed(op, outcome);
    });
  };
  for (const op of ops) {
    try {
      // An index is known only when the links made so far exist.
      if (needsIndex(op) && !links.knows(op)) flush();
      const request = routeRequest(op, context, links);
      if (request !== undefined) batch.push({ op, request });
      else {
        flush();
        applyAlone(op, context, links);
      }
    } catch (thrown) {
      if (thrown instanceof TiffinError) throw thrown;
      if (thrown instanceof NetlinkError && alreadyTrue[op.op] === thrown.code) continue;
      throw failed(op, thrown);
    }
  }
  flush();
}

function failed(op: NetOp, cause: unknown): TiffinError {
  const code = cause instanceof NetlinkError ? cause.code : undefined;
  if (op.op === "bridgePort" && (code === "EXFULL" || code === "EBUSY")) {
    return new TiffinError(
      "unavailable",
      "network.bridge-full",
      `bridge ${op.bridge} has all the ports that Linux allows (1023): no further container fits on it`,
      { cause, remedy: "stop containers of this network, or run them with --network host or none" },
    );
  }
  // The kernel compares when the link is switched on.
  if (op.op === "linkUp" && op.in === "namespace" && code === "EADDRINUSE") {
    return new TiffinError(
      "conflict",
      macInUse,
      `the MAC address for ${op.link} is already in use on the parent of the network`,
      { cause, remedy: "choose another one, or leave the choice to the engine", exitCode: 125 },
    );
  }
  if (isKindMissing(op, code)) {
    const kind = op.op === "childAdd" ? op.child.kind : op.op === "underlayAdd" ? op.made.kind : "";
    return new TiffinError(
      "unavailable",
      "network.kind-missing",
      `this kernel has no links of the kind ${kind}`,
      {
        cause,
        remedy: `load the module (modprobe ${kind === "vlan" ? "8021q" : kind}), or use the driver bridge`,
        exitCode: 125,
      },
    );
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TiffinError(
    "internal",
    "network.op-failed",
    `network op failed: ${renderNetOp(op)}: ${reason}`,
    {
      cause,
    },
  );
}

function isKindMissing(op: NetOp, code: string | undefined): boolean {
  return (op.op === "childAdd" || op.op === "underlayAdd") && (code === "EOPNOTSUPP" || code === "ENOTSUP");
}

/** Name to index, asked once per name. */
class LinkIndexes {
  readonly #route: NetlinkSocket;
  readonly #known: Map<string, number>;

  constructor({ route, knownLinks }: ApplyContext) {
    this.#route = route;
    this.#known = new Map(knownLinks);
  }

  knows(op: NetOp): boolean {
    const name = op.op === "bridgePort" ? op.bridge : "link" in op ? op.link : undefined;
    return name !== undefined && this.#known.has(name);
  }

  of(name: string): number {
    const known = this.#known.get(name) ?? findLink(this.#route, name)?.index;
    if (known === undefined) {
      throw new TiffinError(
        "internal",
        "network.link-missing",
        `link ${JSON.stringify(name)} does not exist`,
      );
    }
    this.#known.set(name, known);
    return known;
  }
}

function needsIndex(op: NetOp): boolean {
  return (
    op.op === "bridgePort" ||
    op.op === "addressAdd" ||
    op.op === "vxlanPeer" ||
    op.op === "childAdd" ||
    op.op === "underlayAdd" ||
    op.op === "address6Add" ||
    op.op === "addressDelete" ||
    op.op === "neighbourForget"
  );
}

/** The rtnetlink request of an op; undefined for ops of another kind. */
function routeRequest(op: NetOp, context: ApplyContext, links: LinkIndexes): NetlinkRequest | undefined {
  switch (op.op) {
    case "bridgeAdd":
      return newLink(
        { name: op.link, mac: op.mac, ...(op.mtu > 0 && { mtuBytes: op.mtu }) },
        { kind: "bridge", stp: false, multicastSnooping: false },
      );
    case "vethAdd": {
      if (context.peerNetnsFd === undefined) throw new Error("vethAdd without a namespace for the other end");
      const mtu = op.mtu > 0 ? { mtuBytes: op.mtu } : {};
      const peer = { name: op.peer, mac: op.peerMac, netnsFd: context.peerNetnsFd, ...mtu };
      return newLink({ name: op.link, ...mtu }, { kind: "veth", peer });
    }
    case "underlayAdd":
      return newLink(
        { name: op.link, ...(op.mtu > 0 && { mtuBytes: op.mtu }) },
        underlayKind(op.made, links),
      );
    case "vxlanPeer":
      return addVxlanPeer(links.of(op.link), op.peer);
    case "childAdd": {
      if (context.peerNetnsFd === undefined) throw new Error("childAdd without a namespace");
      const settings = {
        name: op.link,
        netnsFd: context.peerNetnsFd,
        ...(op.mtu > 0 && { mtuBytes: op.mtu }),
      };
      const parent = links.of(op.parent);
      // An ipvlan has the MAC of its parent.
      return op.child.kind === "ipvlan"
        ? newLink(settings, { ...op.child, parent })
        : newLink({ ...settings, mac: op.mac }, { ...op.child, parent });
    }
    case "ipv6Quiet":
      return setLink(op.link, { noIpv6LinkLocal: true });
    case "bridgePort":
      return setLink(op.link, { master: links.of(op.bridge) });
    case "bridgeHairpin":
      return setLink(op.link, { port: { hairpin: true } });
    case "bridgeIsolate":
      return setLink(op.link, { port: { isolated: true } });
    case "neighbourForget":
      return deleteNeighbour(links.of(op.link), op.address);
    case "linkUp":
      return setLink(op.link, { up: true });
    case "linkSettle":
      // Linux 6.8 and later run the pending link-watch work of a link before they describe it (rtnl_getlink); on
      // earlier ones it runs by itself, a moment later.
      return { ...getLink(op.link), flags: messageFlags.request | messageFlags.ack };
    case "linkDelete":
      return deleteLink(op.link);
    case "addressAdd": {
      const target = { linkIndex: links.of(op.link), address: op.address, prefixLength: op.prefixLength };
      return addAddress(target, broadcastFor(op.address, op.prefixLength));
    }
    case "addressDelete":
      return deleteAddress({
        linkIndex: links.of(op.link),
        address: op.address,
        prefixLength: op.prefixLength,
      });
    case "address6Add":
      return addIpv6Address(links.of(op.link), ipv6Bytes(op.address), op.prefixLength);
    case "defaultRoute6":
      return replaceIpRoute({
        family: addressFamilies.inet6,
        length: 0,
        gateway: ipv6Bytes(op.gateway),
      });
    case "defaultRoute":
      return replaceRoute({ destination: { network: 0, length: 0 }, gateway: op.gateway });
    default:
      return undefined;
  }
}

function underlayKind(made: MadeUnderlay, links: LinkIndexes): LinkKind {
  switch (made.kind) {
    case "dummy":
      return { kind: "dummy" };
    case "vlan":
      return { kind: "vlan", parent: links.of(made.on), id: made.id };
    case "vxlan": {
      const local = parseIpAddress(made.local);
      return {
        kind: "vxlan",
        id: made.id,
        port: made.port,
        ...(made.dev !== "" && { parent: links.of(made.dev) }),
        ...(local !== undefined && { local }),
      };
    }
  }
}

/** Group 0 is every link's own; this is nobody's. */
const firstGroup = 0x7469_0000;

/** Links that are gone already are no failure. */
function deleteLinks({ route }: ApplyContext, links: readonly string[]): void {
  const group = firstGroup + Number.parseInt(randomHex(4), 16);
  const gone = (outcome: NetlinkError | undefined): boolean => outcome?.code === "ENODEV";
  const marked = route.executeEach(links.map((link) => setLink(link, { group })));
  const failure = marked.find((outcome) => outcome !== undefined && !gone(outcome));
  if (failure !== undefined) throw failure;
  if (marked.every(gone)) return;
  const [outcome] = route.executeEach([deleteLinkGroup(group)]);
  if (outcome !== undefined && !gone(outcome)) throw outcome;
}

function applyAlone(op: NetOp, context: ApplyContext, links: LinkIndexes): void {
  if (op.op === "announce") {
    announce(op, context, links);
    return;
  }
  if (op.op === "defaultRouteByLink") {
    const families = op.hasIpv6 ? [addressFamilies.inet, addressFamilies.inet6] : [addressFamilies.inet];
    context.route.execute(families.map((family) => defaultRouteByLink(family, links.of(op.link))));
    return;
  }
  if (op.op === "linksDelete") {
    deleteLinks(context, op.links);
    return;
  }
  if (op.op === "sysctl") {
    applySysctl(op.name, op.value);
    return;
  }
  const requests = nftRequests(op);
  if (requests.length === 0) return;
  if (context.netfilter === undefined) throw new Error(`${op.op} without a netfilter socket`);
  nftTransaction(context.netfilter, requests);
}

/** Best effort: a link that is not up yet has no neighbours that could be wrong. */
function announce(
  op: Extract<NetOp, { op: "announce" }>,
  { packets }: ApplyContext,
  links: LinkIndexes,
): void {
  if (packets === undefined) return;
  try {
    for (const address of op.addresses) packets.send(links.of(op.link), announcement(op.mac, address));
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
  }
}

/** A kernel without IPv6 has no IPv6 to configure. */
function applySysctl(name: string, value: string): void {
  try {
    writeSysctl(name, value);
  } catch (thrown) {
    const absent = thrown instanceof SyscallError && thrown.code === "ENOENT" && name.startsWith("net/ipv6/");
    if (!absent) throw thrown;
  }
}

function nftRequests(op: NetOp): NetlinkRequest[] {
  switch (op.op) {
    case "tableReplace":
      return replaceRuleset(op.ruleset, op.contents);
    case "contentsAdd":
      return addContents(op.table, op.contents);
    case "contentsDelete":
      return deleteContents(op.table, op.contents);
    case "tableDelete":
      // Made first, so that deleting what is not there succeeds.
      return [newTable(op.table), deleteTable(op.table)];
    case "ruleInsert":
      return [newRule(op.table, op.chain, op.insertion.rule, op.insertion.place)];
    case "ruleDelete":
      return [deleteRule(op.table, op.chain, op.handle)];
    default:
      return [];
  }
}
