/** What a container uses at one moment: one pass over its groups' files, and one dump of its links' counters. */
import { readCgroupStats } from "../../../kernel/cgroup-statistics.ts";
import { openFlags } from "../../../kernel/files.ts";
import { inNetns, listLinkCounters, NetlinkSocket } from "../../../kernel/netlink/mod.ts";
import { nowMs } from "../../../lib/clock.ts";
import type { CgroupStats } from "../../../linux/cgroup-stats.ts";
import type { LinkCounters } from "../../../linux/netlink/link.ts";
import { cgroupOf } from "../process/mod.ts";
import { type Container, isAlive } from "../record/mod.ts";
import type { StatsContext } from "./context.ts";

export interface Sample {
  /** Start of the run that it is of: counters of two runs are not to be compared. */
  readonly runStartedMs: number;
  readonly timeMs: number;
  readonly group: CgroupStats;
  /** Of the whole machine, since boot. */
  readonly systemNs: number;
  /** Undefined: it has no network namespace but the host's. */
  readonly links: readonly LinkCounters[] | undefined;
}

/** What a container has of networks; other links in a namespace are loopback and what the kernel puts into each. */
const endpointKinds: readonly string[] = ["veth", "macvlan", "ipvlan"];

/** The counters of a container's links, read from its namespace as often as one likes. */
export class LinkReader implements Disposable {
  readonly #socket: NetlinkSocket;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Undefined: it has no network namespace but the host's, or has ended. */
  static of({ document, process }: Container): LinkReader | undefined {
    if (document.specification.network.kind === "host") return undefined;
    using netns = process?.main?.open("ns/net", openFlags.readOnly);
    if (netns === undefined) return undefined;
    // A socket belongs to the namespace that it was made in, so only making it has to happen there.
    return new LinkReader(inNetns(netns, () => NetlinkSocket.open("route")));
  }

  read(): readonly LinkCounters[] {
    return listLinkCounters(this.#socket).filter(({ kind }) => endpointKinds.includes(kind));
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

/** Undefined when it does not run. */
export function takeSample(
  context: StatsContext,
  container: Container,
  links: LinkReader | undefined,
  systemNs: number,
): Sample | undefined {
  const { id, state } = container;
  if (!isAlive(state)) return undefined;
  const counters = links?.read();
  const group = readCgroupStats(context.facts.cgroup, cgroupOf(context, id));
  // Ended while its files were read: what they said is no more than a part.
  if (container.process?.main?.ended !== false) return undefined;
  return { runStartedMs: state.startedAtMs, timeMs: nowMs(), group, systemNs, links: counters };
}
