/** Reads what there is in a network namespace. */
import { readTextIfPossible } from "../../kernel/files.ts";
import {
  inNetns,
  listLinks,
  listRuleset,
  NetlinkError,
  NetlinkSocket,
  readSysctl,
} from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { decodeInterfaceAddress, dumpInterfaceAddresses } from "../../linux/netlink/interface-address.ts";
import { decodeNeighbourEntry, dumpNeighbourEntries } from "../../linux/netlink/ip-neighbour.ts";
import { decodeIpRoute, lookUpWay } from "../../linux/netlink/ip-route.ts";
import { routeTypes } from "../../linux/netlink/route.ts";
import type { Listener, Space, SpaceAddress, SpaceNeighbour, Way, WayQuestion } from "./facts.ts";

const localAttribute = 2;
const permanent = 0x80;
const failed = 0x20;
const listening = "0A";
const unconnected = "07";

/** Sockets that stay in the namespace in which they were opened; `netns` undefined is that of this process. */
export class SpaceReader implements Disposable {
  readonly #route: NetlinkSocket;
  readonly #netfilter: NetlinkSocket;
  readonly netns: OwnedFd | undefined;
  /** Of any process there. */
  readonly #pid: number | undefined;

  constructor(netns: OwnedFd | undefined, pid: number | undefined) {
    const open = (protocol: "route" | "netfilter"): NetlinkSocket =>
      netns === undefined ? NetlinkSocket.open(protocol) : inNetns(netns, () => NetlinkSocket.open(protocol));
    this.netns = netns;
    this.#pid = pid;
    this.#route = open("route");
    this.#netfilter = open("netfilter");
  }

  /** `isWhole`: with rules and listeners, which only those at both ends and the host between them are asked for. */
  read(isWhole: boolean): Space {
    const route = this.#route;
    return {
      links: listLinks(route),
      addresses: route.dump(dumpInterfaceAddresses(), (message): SpaceAddress => {
        const { linkIndex, prefixLength, values } = decodeInterfaceAddress(message);
        const own = values.find(({ type }) => type === localAttribute) ?? values[0];
        return { linkIndex, length: prefixLength, address: own?.bytes ?? new Uint8Array(0) };
      }),
      neighbours: route.dump(dumpNeighbourEntries(), (message): SpaceNeighbour | undefined => {
        const { linkIndex, destination, mac, state } = decodeNeighbourEntry(message);
        if (destination === undefined) return undefined;
        return {
          linkIndex,
          address: destination,
          mac: mac ?? new Uint8Array(0),
          isPermanent: (state & permanent) !== 0,
          hasFailed: (state & failed) !== 0,
        };
      }),
      listeners: isWhole ? this.#listeners() : [],
      ruleset: isWhole ? listRuleset(this.#netfilter) : { chains: [], sets: [] },
      conntrack: isWhole ? this.#conntrack() : undefined,
      filtersBridged: isWhole && this.#sysctl("net/bridge/bridge-nf-call-iptables") === "1",
    };
  }

  way({ destination, source, inputLink }: WayQuestion): Way {
    try {
      const found = this.#route.get(lookUpWay({ destination, source, inputLink }), decodeIpRoute);
      return {
        kind: "route",
        isLocal: found.type === routeTypes.local,
        linkIndex: found.linkIndex ?? 0,
        gateway: found.gateway,
        source: found.source,
      };
    } catch (thrown) {
      if (thrown instanceof NetlinkError) return { kind: "none", error: thrown.code };
      throw thrown;
    }
  }

  [Symbol.dispose](): void {
    this.#route[Symbol.dispose]();
    this.#netfilter[Symbol.dispose]();
    this.netns?.[Symbol.dispose]();
  }

  #sysctl(name: string): string | undefined {
    try {
      const { netns } = this;
      return netns === undefined ? readSysctl(name) : inNetns(netns, () => readSysctl(name));
    } catch (thrown) {
      // The module is not there, so neither is what it does.
      if (thrown instanceof SyscallError) return undefined;
      throw thrown;
    }
  }

  #conntrack(): Space["conntrack"] {
    const [count, max] = ["count", "max"].map((name) => this.#sysctl(`net/netfilter/nf_conntrack_${name}`));
    if (count === undefined || max === undefined || Number(max) === 0) return undefined;
    return { count: Number(count), max: Number(max) };
  }

  #listeners(): Listener[] {
    const directory = this.#pid === undefined ? "/proc/thread-self/net" : `/proc/${this.#pid}/net`;
    return (["tcp", "tcp6", "udp", "udp6"] as const).flatMap((table) =>
      listenersOf(table.startsWith("tcp") ? "tcp" : "udp", readTextIfPossible(`${directory}/${table}`) ?? ""),
    );
  }
}

/** The kernel prints an address as words in the machine's byte order. proc_pid_net(5) */
export function listenersOf(protocol: Listener["protocol"], table: string): Listener[] {
  return table.split("\n").flatMap((line): Listener[] => {
    const [, local = "", , state] = line.trim().split(/\s+/);
    const [hex, port] = local.split(":");
    if (hex === undefined || port === undefined || state !== (protocol === "tcp" ? listening : unconnected))
      return [];
    const printed = hex.match(/../g) ?? [];
    const address = Uint8Array.from(printed, (_, at) =>
      Number.parseInt(printed[(at & ~3) + 3 - (at & 3)] ?? "", 16),
    );
    return [{ protocol, address, port: Number.parseInt(port, 16) }];
  });
}
