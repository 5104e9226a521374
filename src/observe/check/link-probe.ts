/** Which kinds of links and whether nftables can be made here, tried in a network namespace of its own that ends with the probe. */
import { makeTunDevice } from "../../kernel/named-netns/mod.ts";
import { createNetns, findLink, homeNetns, NetlinkSocket, nftTransaction } from "../../kernel/netlink/mod.ts";
import { type LinkKind, newLink } from "../../linux/netlink/link.ts";
import { newTable } from "../../linux/netlink/nftables/request.ts";

export const probedKinds = [
  "veth",
  "bridge",
  "vlan",
  "macvlan",
  "ipvlan",
  "vxlan",
  "tun",
  "nftables",
] as const;
export type ProbedKind = (typeof probedKinds)[number];

/** Undefined when this caller may not make network namespaces. */
export function probeLinks(): ReadonlySet<ProbedKind> | undefined {
  try {
    // Before the thread goes anywhere else.
    homeNetns();
    const { netns, result } = createNetns(() => {
      using links = NetlinkSocket.open("route");
      using rules = NetlinkSocket.open("netfilter");
      return tryAll(links, rules);
    });
    netns[Symbol.dispose]();
    return result;
  } catch {
    return undefined;
  }
}

function tryAll(links: NetlinkSocket, rules: NetlinkSocket): ReadonlySet<ProbedKind> {
  const found = new Set<ProbedKind>();
  const attempt = (kind: ProbedKind, make: () => void): void => {
    try {
      make();
      found.add(kind);
    } catch {
      // What cannot be made is what is asked for.
    }
  };
  const make = (name: string, kind: LinkKind): void => links.execute([newLink({ name }, kind)]);
  attempt("veth", () => make("a0", { kind: "veth", peer: { name: "a1" } }));
  attempt("bridge", () => make("b0", { kind: "bridge" }));
  const parent = findLink(links, "a0")?.index;
  if (parent !== undefined) {
    attempt("vlan", () => make("v0", { kind: "vlan", parent, id: 5 }));
    attempt("macvlan", () => make("m0", { kind: "macvlan", parent, mode: "bridge" }));
  }
  // A link carries either macvlan or ipvlan.
  const other = findLink(links, "a1")?.index;
  if (other !== undefined) attempt("ipvlan", () => make("i0", { kind: "ipvlan", parent: other, mode: "l2" }));
  attempt("vxlan", () => make("x0", { kind: "vxlan", id: 5, port: 4789 }));
  attempt("tun", () => makeTunDevice("t0", "tap"));
  attempt("nftables", () => nftTransaction(rules, [newTable({ family: "inet", table: "probe" })]));
  return found;
}
