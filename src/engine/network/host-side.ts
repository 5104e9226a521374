/**
 * The host's part of the network: bridge, sysctls, our table, rules in a foreign one. Set up at the start, looked
 * after while the engine runs, taken away at the end. Everything it does is decided in `decide.ts`.
 */
import { tableExists } from "../../kernel/netlink/mod.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { Prefix } from "../../linux/netlink/ipv4.ts";
import { applyNetOps } from "./apply.ts";
import {
  decideForeign,
  decideRemoval,
  decideSetup,
  decideSysctls,
  forwardingSysctl,
  type ObservedNetwork,
} from "./decide.ts";
import type { EndpointGround } from "./endpoint.ts";
import type { PortMapping } from "./firewall.ts";
import type { LeaseStore } from "./lease-store.ts";
import type { HostNames } from "./names.ts";
import { endpointLinks, type NetworkSockets, observeNetwork, otherBridges } from "./observe.ts";
import type { NetOp } from "./op.ts";

export interface HostSideParts {
  readonly names: HostNames;
  readonly store: LeaseStore;
  readonly sockets: NetworkSockets;
  readonly subnet: Prefix;
  readonly gateway: number;
  /** The published ports of now. */
  readonly ports: () => readonly PortMapping[];
}

export class HostSide {
  readonly #parts: HostSideParts;
  #ground: EndpointGround;

  /** Makes what is missing. A table of ours that is there keeps its ports until `setUp`. */
  constructor(parts: HostSideParts, observed: ObservedNetwork) {
    this.#parts = parts;
    this.#ground = this.#make(observed, !this.#hasTable());
  }

  /** What endpoints are joined to. */
  get ground(): EndpointGround {
    return this.#ground;
  }

  /** Makes all of it as it should be; the table with exactly the ports of now, in one transaction. */
  setUp(): void {
    this.#ground = this.#make(this.#observe(), true);
  }

  /** Repairs what somebody flushed, deleted or outranked. True: something was missing. */
  heal(): boolean {
    const observed = this.#observe();
    const bridgeReplaced = observed.bridge?.index !== this.#ground.bridgeIndex;
    if (bridgeReplaced || !this.#hasTable()) {
      this.#ground = this.#make(observed, true);
      if (bridgeReplaced) this.#reattach();
      return true;
    }
    const { bridge } = this.#parts.names;
    const ops = [...decideSysctls(bridge, observed), ...decideForeign(bridge, observed.foreignForward)];
    this.#apply(ops);
    return ops.length > 0;
  }

  /** Deletes our links except `kept`. */
  sweep(kept: ReadonlySet<string>): void {
    const orphans = this.#links().filter((link) => !kept.has(link));
    const cause = "no living container has it";
    applyNetOps(
      orphans.map((link) => ({ in: "host", op: "linkDelete", link, cause, inverse: "vethAdd" })),
      this.#parts.sockets,
    );
  }

  /** Takes everything off the host; forwarding too when we switched it on and nobody else has a bridge. */
  remove(): void {
    const { names, sockets, store } = this.#parts;
    const restoreForwarding =
      store.remembered()?.forwardingEnabled === true && !otherBridges(sockets.route, names.bridge);
    applyNetOps(decideRemoval(names, this.#observe(), this.#links(), restoreForwarding), sockets);
    if (restoreForwarding) store.rememberForwarding(false);
  }

  #observe(): ObservedNetwork {
    return observeNetwork(this.#parts.sockets, this.#parts.names.bridge);
  }

  #hasTable(): boolean {
    return tableExists(this.#parts.sockets.netfilter, this.#parts.names.table);
  }

  #links(): string[] {
    return endpointLinks(this.#parts.sockets.route, this.#parts.names.isEndpointLink);
  }

  #make(observed: ObservedNetwork, replaceTable: boolean): EndpointGround {
    const { names, sockets, subnet, gateway, ports } = this.#parts;
    const ops = decideSetup({ names, subnet, gateway, ports: ports() }, observed).filter(
      (op) => replaceTable || op.op !== "tableReplace",
    );
    this.#apply(ops);
    const bridge = observed.bridge ?? this.#observe().bridge;
    if (bridge === undefined) {
      throw new TiffinError(
        "internal",
        "network.bridge-missing",
        `bridge ${names.bridge} vanished while it was set up`,
      );
    }
    return { route: sockets.route, bridge: names.bridge, bridgeIndex: bridge.index, subnet, gateway };
  }

  #apply(ops: readonly NetOp[]): void {
    const { store, sockets } = this.#parts;
    // Written down first: a switch that nobody remembers could never be undone.
    if (ops.some((op) => op.op === "sysctl" && op.name === forwardingSysctl)) store.rememberForwarding(true);
    applyNetOps(ops, sockets);
  }

  /** Links that lost their bridge go onto the new one. */
  #reattach(): void {
    const { bridge } = this.#parts.names;
    const cause = "the bridge was replaced";
    const inverse = "linkDelete";
    const ops = this.#links().flatMap((link): NetOp[] => [
      { in: "host", op: "bridgePort", link, bridge, cause, inverse },
      { in: "host", op: "bridgeHairpin", link, cause, inverse },
    ]);
    applyNetOps(ops, this.#parts.sockets);
  }
}
