/** `tiffin why`: gathers what is known, decides, asks the kernel for the ways that the decision wants, and says it. */

import type { WhyResponse } from "../../docker/types/why.ts";
import { readLink } from "../../kernel/files.ts";
import { openNetnsOfPid } from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import { parseIpAddress } from "../../linux/netlink/ip-address.ts";
import { askHost, askName, foundAt } from "./ask-name.ts";
import { type Decision, decide, NeedsWay } from "./decide.ts";
import {
  type From,
  hostSpace,
  type NameAnswer,
  type ReachContainer,
  type ReachFacts,
  type ReachNetwork,
  type Space,
  type Target,
  type Way,
  wayKey,
} from "./facts.ts";
import { type Packet, sameBytes } from "./packet.ts";
import { parseTarget, type WrittenTarget } from "./parse-ends.ts";
import { awaitFromOutside, probeReach, type TracedSpace } from "./probe-reach.ts";
import { SpaceReader } from "./read-space.ts";
import { type Probed, report } from "./report.ts";
import type { ReachLanguage } from "./words.ts";

/** As far as a container goes. */
export type KnownContainer = Omit<ReachContainer, "space">;

export interface ReachContext {
  containers(): readonly KnownContainer[];
  /** The name of the container that is meant; undefined: none is. */
  containerNamed(reference: string): string | undefined;
  /** Of the containers that are called so in one of these networks. */
  containerCalled(alias: string, networks: readonly string[]): string | undefined;
  networks(): readonly ReachNetwork[];
}

export interface WhyRequest {
  readonly from: string;
  readonly to: string;
  readonly probe: boolean;
  readonly language: ReachLanguage;
}

/** More ways than this are asked for by no decision. */
const mostQuestions = 64;

export class ReachService {
  readonly #context: ReachContext;

  constructor(context: ReachContext) {
    this.#context = context;
  }

  /** Errors: `invalid` for an end that is none, `notFound` for a sender that nobody knows. */
  async why({ from, to, probe, language }: WhyRequest): Promise<WhyResponse> {
    const written = parseTarget(to);
    const sender = this.#from(from);
    using spaces = new Spaces();
    const all = this.#context.containers().map(
      (each): ReachContainer => ({
        ...each,
        space: each.pid === undefined ? undefined : spaces.of(each.pid),
      }),
    );
    const target = this.#target(written, sender, all, spaces);
    const ends = [sender.kind === "container" ? sender.name : undefined, target.container];
    spaces.read(all, ends);
    const facts: Omit<ReachFacts, "ways"> = {
      from: sender,
      target,
      name: await this.#name(written, sender, all, spaces, target),
      containers: all,
      networks: this.#context.networks(),
      spaces: spaces.found,
    };
    const decision = decideWith(facts, spaces);
    const probed =
      probe && decision.packet !== undefined ? await probeAlong(facts, decision.packet, spaces) : undefined;
    return report(facts, decision, probed, language);
  }

  #from(text: string): From {
    if (text === "host") return { kind: "host" };
    if (text === "outside") return { kind: "outside", address: undefined };
    const name = this.#context.containerNamed(text);
    if (name !== undefined) return { kind: "container", name };
    const address = parseIpAddress(text);
    if (address !== undefined) return { kind: "outside", address };
    throw new TiffinError("notFound", "reach.from", `No such container: ${text}`, {
      remedy: "name a container, host, outside, or an address outside",
    });
  }

  #target(written: WrittenTarget, from: From, all: readonly ReachContainer[], spaces: Spaces): Target {
    const { address, text, port, protocol } = written;
    if (address !== undefined) {
      const owner = all.find((each) => each.addresses.some((own) => sameBytes(own, address)));
      const published =
        owner === undefined && spaces.isOfHost(address)
          ? all.find((each) => each.ports.some((one) => one.hostPort === port && one.protocol === protocol))
          : undefined;
      return { text, address, container: (owner ?? published)?.name, isMachine: false, port, protocol };
    }
    const networks =
      from.kind === "container" ? (all.find(({ name }) => name === from.name)?.networks ?? []) : [];
    const container = this.#context.containerCalled(text, networks) ?? this.#context.containerNamed(text);
    const isMachine = meansMachine(text, from, container);
    if (!isMachine) return { text, address: undefined, container, isMachine, port, protocol };
    const published = all.find((each) =>
      each.ports.some((one) => one.hostPort === port && one.protocol === protocol),
    );
    return { text, address: undefined, container: published?.name, isMachine, port, protocol };
  }

  async #name(
    { text, address }: WrittenTarget,
    from: From,
    all: readonly ReachContainer[],
    spaces: Spaces,
    target: Target,
  ): Promise<NameAnswer> {
    if (address !== undefined) return { kind: "address" };
    if (target.isMachine) return { kind: "machine" };
    const meant = all.find(({ name }) => name === target.container);
    // Nobody is told of one that is not there.
    if (meant !== undefined && meant.space === undefined) return { kind: "unknown", by: "engine" };
    if (from.kind === "container") {
      const sender = all.find(({ name }) => name === from.name);
      if (sender?.pid === undefined || sender.space === undefined) return { kind: "unknown", by: "engine" };
      return askName(text, { pid: sender.pid, netns: spaces.netnsOf(sender.space), own: sender.name });
    }
    const own = foundAt("engine", meant?.addresses ?? []);
    if (own !== undefined) return own;
    if (target.container !== undefined || from.kind === "outside") return { kind: "unknown", by: "engine" };
    return askHost(text);
  }
}

/** A container may be called "host": one that asks then means that one. */
function meansMachine(text: string, from: From, container: string | undefined): boolean {
  if (text === "localhost") return from.kind === "host";
  return text === "host" && (from.kind !== "container" || container === undefined);
}

/** From where the sender is, traced there, on the host and at the target. */
async function probeAlong(facts: Omit<ReachFacts, "ways">, packet: Packet, spaces: Spaces): Promise<Probed> {
  const { from, target, containers } = facts;
  const meant = containers.find(({ name }) => name === target.container);
  const inside =
    meant?.ports.filter(
      ({ hostPort, protocol }) => hostPort === packet.port && protocol === packet.protocol,
    ) ?? [];
  const ports = [...new Set([packet.port, ...inside.map(({ containerPort }) => containerPort)])];
  const sender =
    from.kind === "container" ? containers.find(({ name }) => name === from.name)?.space : undefined;
  const traced = [...spaces.whole].map((name): TracedSpace => {
    const isTarget = name === meant?.space && name !== hostSpace;
    return {
      who: whoIn(containers, name),
      netns: spaces.netnsOf(name),
      ruleset: spaces.found.get(name)?.ruleset ?? { chains: [], sets: [] },
      ports: isTarget ? ports : [packet.port],
      destination: isTarget ? undefined : packet.destination,
    };
  });
  if (from.kind === "outside") return awaitFromOutside(packet, traced);
  return probeReach(packet, spaces.netnsOf(sender ?? hostSpace), traced);
}

function whoIn(all: readonly ReachContainer[], space: string): string {
  return space === hostSpace ? "host" : (all.find((each) => each.space === space)?.name ?? space);
}

function decideWith(facts: Omit<ReachFacts, "ways">, spaces: Spaces): Decision {
  const ways = new Map<string, Way>();
  for (let asked = 0; asked < mostQuestions; asked += 1) {
    try {
      return decide({ ...facts, ways });
    } catch (thrown) {
      if (!(thrown instanceof NeedsWay)) throw thrown;
      const { question } = thrown;
      ways.set(wayKey(question), spaces.reader(question.space).way(question));
    }
  }
  throw new Error("the decision asks without end");
}

/** The namespaces in question, each once however many live in it. */
class Spaces implements Disposable {
  readonly found = new Map<string, Space>();
  /** Those whose rules count. */
  readonly whole = new Set<string>([hostSpace]);
  readonly #readers = new Map<string, SpaceReader>();
  readonly #pids = new Map<string, number>();
  readonly #home = readLink("/proc/thread-self/ns/net");

  /** Undefined: the process has ended meanwhile. */
  of(pid: number): string | undefined {
    const link = readLink(`/proc/${pid}/ns/net`);
    if (link === undefined) return undefined;
    if (link === this.#home) return hostSpace;
    this.#pids.set(link, pid);
    return link;
  }

  /** The host, both ends, and whoever shares a network with one of them. */
  read(all: readonly ReachContainer[], ends: readonly (string | undefined)[]): void {
    const both = all.filter(({ name }) => ends.includes(name));
    const networks = new Set(both.flatMap((each) => each.networks));
    for (const { space } of both) if (space !== undefined) this.whole.add(space);
    const near = all.filter((each) => each.networks.some((network) => networks.has(network)));
    for (const name of [hostSpace, ...[...both, ...near].flatMap(({ space }) => space ?? [])]) {
      if (this.found.has(name)) continue;
      try {
        this.found.set(name, this.reader(name).read(this.whole.has(name)));
      } catch (thrown) {
        // Who ends meanwhile is no part of it, unless it is one of the two.
        if (!(thrown instanceof SyscallError) || this.whole.has(name)) throw thrown;
      }
    }
  }

  isOfHost(address: Uint8Array): boolean {
    const way = this.reader(hostSpace).way({ space: hostSpace, destination: address });
    return way.kind === "route" && way.isLocal;
  }

  reader(name: string): SpaceReader {
    const there = this.#readers.get(name);
    if (there !== undefined) return there;
    const pid = this.#pids.get(name);
    const made = new SpaceReader(pid === undefined ? undefined : openNetnsOfPid(pid), pid);
    this.#readers.set(name, made);
    return made;
  }

  netnsOf(name: string): OwnedFd | undefined {
    return this.reader(name).netns;
  }

  [Symbol.dispose](): void {
    for (const reader of this.#readers.values()) reader[Symbol.dispose]();
  }
}
