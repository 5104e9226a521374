/**
 * In a container's namespace: what it sends to 127.0.0.11, where Docker's images expect their name server, goes to the one
 * of a network that it is in, or to one that listens there itself. The addresses are rewritten on the way out, so the container's own ports stay free, and what
 * route_localnet would let in from its neighbours is dropped as on the host.
 */
import {
  inNetns,
  NetlinkError,
  NetlinkSocket,
  nftTransaction,
  writeSysctl,
} from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { protocolNumbers } from "../../linux/netlink/conntrack.ts";
import { ipv4Bytes, type Prefix } from "../../linux/netlink/ipv4.ts";
import {
  dnatByAddressAndPort,
  drop,
  ipDestination,
  ipSource,
  masquerade,
  notIifname,
  notOifname,
} from "../../linux/netlink/nftables/phrase.ts";
import { deleteTable, newTable, type TableReference } from "../../linux/netlink/nftables/request.ts";
import {
  addContents,
  deleteContents,
  portBytes,
  type Ruleset,
  replaceRuleset,
  type SetContent,
} from "./firewall.ts";

/** 127.0.0.11 */
export const resolver = 0x7f00_000b;
const loopback: Prefix = { network: 0x7f00_0000, length: 8 };
const table: TableReference = { family: "ip", table: "tiffin_names" };
const servers = "servers";
export const namePort = 53;

const ruleset: Ruleset = {
  table,
  sets: [
    {
      name: servers,
      key: ["inet_proto", "ipv4_addr", "inet_service"],
      data: ["ipv4_addr", "inet_service"],
    },
  ],
  chains: [
    {
      name: "guard",
      base: { type: "filter", hook: "prerouting", priority: -300, policy: "accept" },
      rules: [{ phrases: [notIifname("lo"), ipDestination(loopback), drop] }],
    },
    {
      name: "output",
      base: { type: "nat", hook: "output", priority: -100, policy: "accept" },
      rules: [{ phrases: [dnatByAddressAndPort(servers)] }],
    },
    {
      name: "postrouting",
      base: { type: "nat", hook: "postrouting", priority: 100, policy: "accept" },
      rules: [{ phrases: [notOifname("lo"), ipSource(loopback), masquerade] }],
    },
  ],
};

/** Where a name server is, as the container sees it. */
export interface NameServerPlace {
  readonly address: number;
  readonly port: number;
}

function contentsFor(server: NameServerPlace): SetContent[] {
  const asked = portBytes(namePort);
  const data = [ipv4Bytes(server.address), portBytes(server.port)];
  return [protocolNumbers.tcp, protocolNumbers.udp].map((protocol) => ({
    set: servers,
    elements: [{ key: [Uint8Array.of(protocol), ipv4Bytes(resolver), asked], data }],
  }));
}

/** Undefined: the container has no such server any more. */
export function redirectResolver(netns: OwnedFd, server: NameServerPlace | undefined): void {
  const netfilter = inNetns(netns, () => {
    if (server !== undefined) writeSysctl("net/ipv4/conf/all/route_localnet", "1");
    return NetlinkSocket.open("netfilter");
  });
  try {
    nftTransaction(
      netfilter,
      server === undefined
        ? [newTable(table), deleteTable(table)]
        : replaceRuleset(ruleset, contentsFor(server)),
    );
  } finally {
    netfilter.closeElsewhere();
  }
}

/**
 * From one server to another: elements are exchanged, as the kernel waits long for rules that go. Where they are not as they were
 * written, all is written anew.
 */
export function moveResolver(netns: OwnedFd, from: NameServerPlace, to: NameServerPlace): void {
  if (from.address === to.address && from.port === to.port) return;
  exchange(netns, from, to);
}

/** Where it leads elsewhere, to a server that another engine had, it leads here again. */
export function confirmResolver(netns: OwnedFd, server: NameServerPlace): void {
  // Taken out and put in again by one transaction: the kernel refuses where it is not there.
  exchange(netns, server, server);
}

function exchange(netns: OwnedFd, from: NameServerPlace, to: NameServerPlace): void {
  const netfilter = inNetns(netns, () => NetlinkSocket.open("netfilter"));
  try {
    nftTransaction(netfilter, [
      ...deleteContents(table, contentsFor(from)),
      ...addContents(table, contentsFor(to)),
    ]);
  } catch (thrown) {
    if (!(thrown instanceof NetlinkError)) throw thrown;
    redirectResolver(netns, to);
  } finally {
    netfilter.closeElsewhere();
  }
}
