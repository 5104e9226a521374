/**
 * Links of the default network where its containers do not reach each other: what a linking container may reach of those that
 * it is linked to. They are isolated ports of the bridge, so the host answers for the addresses and passes on what is allowed;
 * nothing in a container is other than without links.
 */
import { type NetlinkSocket, nftTransaction } from "../../kernel/netlink/mod.ts";
import { parseIpv4 } from "../../linux/netlink/ipv4.ts";
import type { TableReference } from "../../linux/netlink/nftables/request.ts";
import { addContents, deleteContents, type Flow, flowContents, type SetContent } from "./firewall.ts";
import type { LinkWay } from "./model.ts";

export interface Linking {
  /** The linking container's address. */
  readonly from: number;
  readonly ways: readonly LinkWay[];
}

export class ContainerLinks {
  readonly #netfilter: NetlinkSocket;
  readonly #table: TableReference;
  /** By the linking container. */
  readonly #links = new Map<string, Linking>();

  constructor(netfilter: NetlinkSocket, table: TableReference) {
    this.#netfilter = netfilter;
    this.#table = table;
  }

  get isEmpty(): boolean {
    return this.#links.size === 0;
  }

  /** What is to be in the table. */
  contents(): SetContent[] {
    return flowContents(distinct([...this.#links.values()].flatMap(flowsOf)));
  }

  /** From now on these, and no others, for the container whose address is `from`. `applies`: the table is of this life. */
  set(containerId: string, from: number, ways: readonly LinkWay[], applies: boolean): void {
    this.#change(applies, () => {
      if (ways.length === 0) this.#links.delete(containerId);
      else this.#links.set(containerId, { from, ways });
    });
  }

  /** A container is gone, and with it its links and those to it: somebody else may have its address next. */
  forget(containerId: string): void {
    if (this.isEmpty) return;
    this.#change(true, () => {
      this.#links.delete(containerId);
      for (const [id, { from, ways }] of this.#links) {
        const left = ways.filter(({ to }) => to !== containerId);
        if (left.length === 0) this.#links.delete(id);
        else this.#links.set(id, { from, ways: left });
      }
    });
  }

  /** What `forget` would take. */
  around(containerId: string): ReadonlyMap<string, Linking> {
    const concerned = [...this.#links].flatMap(([id, { from, ways }]): [string, Linking][] => {
      const own = id === containerId ? ways : ways.filter(({ to }) => to === containerId);
      return own.length === 0 ? [] : [[id, { from, ways: own }]];
    });
    return new Map(concerned);
  }

  /** What was taken is there again. */
  restore(taken: ReadonlyMap<string, Linking>): void {
    this.#change(true, () => {
      for (const [id, { from, ways }] of taken) {
        const kept = this.#links.get(id)?.ways ?? [];
        this.#links.set(id, { from, ways: [...kept, ...ways] });
      }
    });
  }

  clear(): void {
    this.#links.clear();
  }

  #change(applies: boolean, change: () => void): void {
    const before = this.contents();
    change();
    const after = this.contents();
    if (!applies || (before.length === 0 && after.length === 0)) return;
    try {
      nftTransaction(this.#netfilter, [
        ...deleteContents(this.#table, before),
        ...addContents(this.#table, after),
      ]);
    } catch (thrown) {
      // Somebody flushed the table; it is built with what is to be in it.
      if (!(thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT")) throw thrown;
    }
  }
}

function flowsOf({ from, ways }: Linking): Flow[] {
  return ways.flatMap(({ address, protocol, port }) => {
    const destination = parseIpv4(address);
    return destination === undefined ? [] : [{ source: from, destination, protocol, port }];
  });
}

/** Two links may lead to one container. */
function distinct(flows: readonly Flow[]): Flow[] {
  const byKey = new Map(
    flows.map((flow) => [`${flow.source} ${flow.destination} ${flow.protocol} ${flow.port}`, flow]),
  );
  return [...byKey.values()];
}
