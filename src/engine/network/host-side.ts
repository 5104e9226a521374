/**
 * The host's part of all networks: bridges, sysctls, our table, rules in a foreign one. Set up at the start, looked after
 * while the engine runs, taken away at the end. Everything it does is decided in `decide.ts`.
 */
import {
  deleteAddresses,
  deleteLinkUnseen,
  findLink,
  listLinks,
  NetlinkError,
  tableExists,
} from "../../kernel/netlink/mod.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { applyNetOps } from "./apply.ts";
import {
  type BridgeWish,
  decideBridgeRemoval,
  decideForeign,
  decideLinking,
  decideNewBridge,
  decideNewRules,
  decideRemoval,
  decideSetup,
  decideSysctls,
  forwarding6Sysctl,
  forwardingSysctl,
  type ObservedHost,
} from "./decide.ts";
import type { PortMapping, SetContent } from "./firewall.ts";
import { patternsOf } from "./foreign-firewall.ts";
import type { NetworkStep } from "./model.ts";
import type { HostNames } from "./names.ts";
import type { NetworkStore } from "./network-store.ts";
import {
  endpointLinks,
  type NetworkSockets,
  observeForeign,
  observeHost,
  otherBridges,
  ownBridges,
  underlayLinks,
} from "./observe.ts";
import type { NetOp } from "./op.ts";
import { decideUnderlay, type Underlay } from "./underlay.ts";

export interface HostSideParts {
  readonly report: (thrown: unknown) => void;
  readonly names: HostNames;
  readonly store: NetworkStore;
  readonly sockets: NetworkSockets;
  /** The bridges that should be there. */
  readonly bridges: () => readonly BridgeWish[];
  /** What other networks stand on. */
  readonly underlays: () => readonly Underlay[];
  /** The published ports of now. */
  readonly ports: () => readonly PortMapping[];
  /** What linked containers reach of each other. */
  readonly links: () => readonly SetContent[];
  /** Which bridge each endpoint's link should be a port of. */
  readonly joined: () => ReadonlyMap<string, BridgeWish>;
}

const forwardingSwitches = [
  { name: forwardingSysctl, family: "ipv4" },
  { name: forwarding6Sysctl, family: "ipv6" },
] as const;

export class HostSide {
  readonly #parts: HostSideParts;
  readonly #indexes = new Map<string, number>();

  /** Makes what is missing. A table of ours that is there keeps its ports until `setUp`. */
  constructor(parts: HostSideParts) {
    this.#parts = parts;
    this.#make(this.#observe(), !this.#hasTable());
  }

  /** The indexes of all bridges of ours. */
  indexes(): ReadonlySet<number> {
    return new Set(this.#indexes.values());
  }

  /** The index of a network's bridge. */
  indexOf(link: string): number {
    const index = this.#indexes.get(link);
    if (index !== undefined) return index;
    throw new TiffinError(
      "internal",
      "network.bridge-missing",
      `bridge ${link} vanished while it was set up`,
    );
  }

  /** Makes all of it as it should be; the table with exactly the ports of now, in one transaction. */
  setUp(): void {
    this.#make(this.#observe(), true);
    this.#reattach();
  }

  /** One more network; the caller takes it back when it fails. */
  add(bridge: BridgeWish, fail: (step: NetworkStep) => void): void {
    const { sockets, names } = this.#parts;
    const observed = observeHost(sockets, [bridge.link]);
    this.#apply(decideNewBridge(bridge, observed));
    this.#noteIndexes(observeHost(sockets, [bridge.link]));
    fail("network.bridge");
    this.#apply(decideNewRules(names, bridge, observed));
    fail("network.rules");
  }

  /** Linked containers of the default network can be let through to each other. */
  permitLinks(): void {
    this.#apply(decideLinking(this.#parts.names.defaultBridge));
  }

  /** What `add` does where nothing of the network is there yet. */
  opsOf(bridge: BridgeWish): NetOp[] {
    const { sockets, names } = this.#parts;
    const observed: ObservedHost = {
      ...observeHost(sockets, []),
      foreignForward: observeForeign(sockets.netfilter).map((chain) => ({ ...chain, rules: [] })),
    };
    return [...decideNewBridge(bridge, observed), ...decideNewRules(names, bridge, observed)];
  }

  /** What one more network stands on. */
  addUnderlay({ attachment, network, mtu }: Underlay): void {
    this.#apply(decideUnderlay(attachment, network, "", mtu));
  }

  /** The network is no more among those of `underlays`. */
  deleteUnderlay({ attachment: { link, made }, network }: Underlay): void {
    const { sockets, underlays } = this.#parts;
    if (made === undefined || underlays().some(({ attachment }) => attachment.link === link)) return;
    const cause = `network ${network} is removed`;
    applyNetOps([{ in: "host", op: "linkDelete", link, cause, inverse: "underlayAdd" }], sockets);
  }

  /** Takes one network off the host; its link only when it is ours: made by `add` just now, or known since the set-up. */
  delete(bridge: BridgeWish, isOurs = this.#indexes.has(bridge.link)): void {
    const { sockets, names, bridges } = this.#parts;
    const remaining = bridges().filter(({ link }) => link !== bridge.link);
    const foreign = observeForeign(sockets.netfilter);
    const ops = decideBridgeRemoval(names, bridge, remaining, foreign);
    const index = sockets.route.indexNow(bridge.link);
    const isThere = isOurs && index !== undefined;
    const wanted = ops
      .filter((op) => isThere || op.op !== "addressDelete")
      .filter((op) => isOurs || op.op !== "linkDelete");
    applyNetOps(
      wanted.filter(({ op }) => op !== "linkDelete"),
      sockets,
    );
    const isLinkOurs = wanted.some((op) => op.op === "linkDelete" && op.link === bridge.link);
    // The way to an address goes with its link, but a while after that is out of sight: the next network may want the subnet.
    if (isLinkOurs && index !== undefined) deleteAddresses(sockets.route, index);
    for (const op of wanted) if (op.op === "linkDelete") deleteLinkUnseen(op.link);
    this.#indexes.delete(bridge.link);
  }

  /** Repairs what somebody flushed, deleted or outranked; with `rebuild` the table in any case. True: something was missing. */
  heal(rebuild = false): boolean {
    const observed = this.#observe();
    const bridges = this.#parts.bridges();
    const isReplaced = bridges.some(
      ({ link }) => observed.bridges.get(link)?.index !== this.#indexes.get(link),
    );
    if (rebuild || isReplaced || !this.#hasTable()) {
      this.#make(observed, true);
      this.#reattach();
      return true;
    }
    this.#makeUnderlays();
    const ops = [
      ...decideSysctls(bridges, observed),
      ...decideForeign(this.#patterns(bridges), observed.foreignForward),
    ];
    this.#apply(ops);
    return this.#makeVxlans() || ops.length > 0;
  }

  /** When the work fails because somebody took a bridge or the table away, it is done again after the repair. */
  orHealed<T>(work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      const unexpected =
        thrown instanceof NetlinkError || (thrown instanceof TiffinError && thrown.kind === "internal");
      if (!unexpected || !this.heal()) throw thrown;
      return work();
    }
  }

  /** Deletes our links except `kept`, and our bridges that no network has. */
  sweep(kept: ReadonlySet<string>): void {
    const { sockets, names, bridges } = this.#parts;
    const wanted = new Set(bridges().map(({ link }) => link));
    const orphans = [
      ...this.#links().filter((link) => !kept.has(link)),
      ...ownBridges(sockets.route, names.isBridge).filter((link) => !wanted.has(link)),
      ...underlayLinks(sockets.route, names.isUnderlay).filter((link) => !this.#underlayNames().has(link)),
    ];
    const cause = "no living container has it";
    applyNetOps(
      orphans.map((link) => ({ in: "host", op: "linkDelete", link, cause, inverse: "vethAdd" })),
      sockets,
    );
  }

  /** Takes everything off the host; forwarding too when we switched it on and nobody else has a bridge. */
  remove(): void {
    const { names, sockets, store, bridges } = this.#parts;
    const wanted = new Set([
      ...bridges().map(({ link }) => link),
      ...ownBridges(sockets.route, names.isBridge),
    ]);
    const ours = forwardingSwitches.filter(({ family }) => store.forwardingEnabled(family));
    const restored = ours.length === 0 || otherBridges(sockets.route, wanted) ? [] : ours;
    const theirs = bridges().filter(({ adopted }) => adopted !== undefined);
    for (const bridge of theirs) this.delete(bridge);
    const adopted = new Set(theirs.map(({ link }) => link));
    const remains = {
      table: names.table,
      patterns: patternsOf(names, wanted),
      bridges: [...wanted].filter(
        (link) => !adopted.has(link) && (this.#indexes.has(link) || names.isBridge(link)),
      ),
      endpointLinks: [
        ...this.#links(),
        ...new Set([...underlayLinks(sockets.route, names.isUnderlay), ...this.#madeUnderlays()]),
      ],
      foreignForward: observeForeign(sockets.netfilter),
    };
    applyNetOps(
      decideRemoval(
        remains,
        restored.map(({ name }) => name),
      ),
      sockets,
    );
    for (const { family } of restored) store.rememberForwarding(false, family);
  }

  /** Of bridges and parents. */
  #underlayNames(): ReadonlySet<string> {
    const { bridges, underlays } = this.#parts;
    return new Set([...bridges(), ...underlays()].flatMap(({ attachment }) => attachment?.link ?? []));
  }

  #madeUnderlays(): string[] {
    return this.#parts
      .underlays()
      .flatMap(({ attachment: { link, made } }) => (made === undefined ? [] : [link]));
  }

  /** Those that are missing. One that cannot be made keeps no other network from being there. */
  #makeUnderlays(): void {
    const { underlays, sockets, report } = this.#parts;
    for (const underlay of underlays()) {
      const { attachment, network } = underlay;
      if (attachment.made === undefined || findLink(sockets.route, attachment.link) !== undefined) continue;
      try {
        this.addUnderlay(underlay);
      } catch (thrown) {
        report(new Error(`network ${network} cannot be set up: ${messageOf(thrown)}`));
      }
    }
  }

  /** Without its link to the other hosts a network goes on here, and nobody would notice. */
  #makeVxlans(): boolean {
    const { bridges, sockets } = this.#parts;
    const ops = bridges().flatMap(({ attachment, network, link, mtu }): NetOp[] =>
      attachment === undefined || findLink(sockets.route, attachment.link) !== undefined
        ? []
        : decideUnderlay(attachment, network, link, mtu),
    );
    this.#apply(ops);
    return ops.length > 0;
  }

  #observe(): ObservedHost {
    return observeHost(
      this.#parts.sockets,
      this.#parts.bridges().map(({ link }) => link),
    );
  }

  #patterns(bridges: readonly BridgeWish[]): string[] {
    return patternsOf(
      this.#parts.names,
      bridges.map(({ link }) => link),
    );
  }

  #hasTable(): boolean {
    return tableExists(this.#parts.sockets.netfilter, this.#parts.names.table);
  }

  #links(): string[] {
    return endpointLinks(this.#parts.sockets.route, this.#parts.names.isEndpointLink);
  }

  #make(observed: ObservedHost, replaceTable: boolean): void {
    const { bridges, report } = this.#parts;
    const wishes = bridges();
    this.#makeUnderlays();
    try {
      this.#apply(this.#setup(wishes, observed, replaceTable));
    } catch (thrown) {
      // One network that the host does not take any more must not keep the others from being there.
      const possible = wishes.filter((wish, index) => index === 0 || this.#isPossible(wish, report));
      if (possible.length === wishes.length) throw thrown;
      this.#apply(this.#setup(possible, this.#observe(), replaceTable));
    }
    const complete = wishes.every(({ link }) => observed.bridges.has(link));
    this.#noteIndexes(complete ? observed : this.#observe());
  }

  #setup(wishes: readonly BridgeWish[], observed: ObservedHost, replaceTable: boolean): NetOp[] {
    const { names, ports, links } = this.#parts;
    return decideSetup({ names, bridges: wishes, ports: ports(), links: links() }, observed).filter(
      (op) => replaceTable || op.op !== "tableReplace",
    );
  }

  #isPossible(wish: BridgeWish, report: (thrown: unknown) => void): boolean {
    try {
      this.#apply(decideNewBridge(wish, observeHost(this.#parts.sockets, [wish.link])));
      return true;
    } catch (thrown) {
      report(new Error(`network ${wish.network} cannot be set up: ${messageOf(thrown)}`));
      return false;
    }
  }

  #noteIndexes({ bridges }: ObservedHost): void {
    for (const [link, { index }] of bridges) this.#indexes.set(link, index);
  }

  #apply(ops: readonly NetOp[]): void {
    const { store, sockets } = this.#parts;
    // Written down first: a switch that nobody remembers could never be undone.
    for (const { name, family } of forwardingSwitches) {
      if (ops.some((op) => op.op === "sysctl" && op.name === name)) store.rememberForwarding(true, family);
    }
    applyNetOps(ops, sockets);
  }

  /** Links that lost their bridge go onto the new one, whoever was the engine when it was lost. */
  #reattach(): void {
    const masters = new Map(
      listLinks(this.#parts.sockets.route, { kind: "veth" }).map(({ name, master }) => [name, master]),
    );
    const cause = "the bridge was replaced";
    const inverse = "linkDelete";
    const rejoined = new Set<string>();
    const ops = [...this.#parts.joined()].flatMap(([link, bridge]): NetOp[] => {
      const master = masters.get(link);
      const index = this.#indexes.get(bridge.link);
      if (master === undefined || index === undefined || master === index) return [];
      const joined: NetOp[] = [
        { in: "host", op: "bridgePort", link, bridge: bridge.link, cause, inverse },
        { in: "host", op: "bridgeHairpin", link, cause, inverse },
      ];
      if (!bridge.openWithin) joined.push({ in: "host", op: "bridgeIsolate", link, cause, inverse });
      rejoined.add(bridge.link);
      return joined;
    });
    const settled = [...rejoined].map(
      (link): NetOp => ({ in: "host", op: "linkSettle", link, cause, inverse }),
    );
    applyNetOps([...ops, ...settled], this.#parts.sockets);
  }
}
