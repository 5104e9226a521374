/** A real packet, from where the sender is, and what the kernel's trace says of its way. */

import { NetlinkError, NftTrace } from "../../kernel/netlink/mod.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { TcpAttempt } from "../../kernel/tcp-attempt.ts";
import { UdpAttempt } from "../../kernel/udp-attempt.ts";
import { newId, shortId } from "../../lib/ids.ts";
import { pause } from "../../lib/timer.ts";
import { formatIpAddress } from "../../linux/netlink/ip-address.ts";
import type { ReadRuleset } from "../../linux/netlink/nftables/decode-ruleset.ts";
import type { TraceEvent } from "../../linux/netlink/nftables/decode-trace.ts";
import { type Packet, protocols } from "./packet.ts";
import type { Probed } from "./report.ts";
import { ruleText } from "./rule-text.ts";
import type { Step } from "./telling.ts";

const limitMs = 1500;
const lookEveryMs = 5;
const outsideLimitMs = 10_000;
const outsideLookMs = 50;
const mostEvents = 20;
const ownTables = "why_";

/** A namespace on the way. */
export interface TracedSpace {
  readonly who: string;
  readonly netns: OwnedFd | undefined;
  readonly ruleset: ReadRuleset;
  /** The ports under which the packet may be known there. */
  readonly ports: readonly number[];
  /** Absent: an address that the packet has been given on the way. */
  readonly destination: Uint8Array | undefined;
}

/** TCP: a connection, closed at once. UDP: an empty datagram, to which an answer is not expected. */
export async function probeReach(
  packet: Packet,
  netns: OwnedFd | undefined,
  spaces: readonly TracedSpace[],
): Promise<Probed> {
  using traces = new Traces(spaces, packet);
  const { isAnswered, step } = await attempt(packet, netns);
  return { isAnswered, steps: [step, ...traces.steps()] };
}

/** Nobody here can send from outside: for a while the traces wait for somebody who does. */
export async function awaitFromOutside(packet: Packet, spaces: readonly TracedSpace[]): Promise<Probed> {
  using traces = new Traces(spaces, packet);
  for (let waited = 0; waited < outsideLimitMs && !traces.hasSeen(); waited += outsideLookMs)
    await pause(outsideLookMs);
  const address = formatIpAddress(packet.destination);
  const command = `nc -z${packet.protocol === "udp" ? "u" : ""} ${address} ${packet.port}`;
  const step: Step = traces.hasSeen()
    ? { say: "probeSeen", values: {}, outcome: "ok" }
    : { say: "probeWaited", values: { seconds: outsideLimitMs / 1000, command }, outcome: "note" };
  // That nobody sent one says nothing of the way.
  return { isAnswered: true, steps: [step, ...traces.steps()] };
}

async function attempt(
  packet: Packet,
  netns: OwnedFd | undefined,
): Promise<{ readonly isAnswered: boolean; readonly step: Step }> {
  try {
    const answer = packet.protocol === "tcp" ? await connect(packet, netns) : await send(packet, netns);
    const step: Step =
      answer === undefined
        ? { say: "probeSilent", values: { ms: limitMs }, outcome: "note" }
        : { say: "probeAnswered", values: { answer }, outcome: "ok" };
    // Nobody has to answer a datagram.
    return { isAnswered: answer !== undefined || packet.protocol === "udp", step };
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    return {
      isAnswered: false,
      step: { say: "probeFailed", values: { error: thrown.code }, outcome: "note" },
    };
  }
}

/** The kernel's traces in all of them. Where it cannot be had, the rest is no worse for it. */
class Traces implements Disposable {
  readonly #opened: {
    readonly space: TracedSpace;
    readonly trace: NftTrace;
    readonly events: TraceEvent[];
  }[] = [];

  constructor(spaces: readonly TracedSpace[], packet: Packet) {
    for (const space of spaces) {
      const { netns, ports, destination, ruleset } = space;
      // Nothing is to be met there.
      if (ruleset.chains.length === 0) continue;
      try {
        const flows = ports.map((port) => ({ protocol: protocols[packet.protocol], port, destination }));
        const trace = NftTrace.open(netns, `${ownTables}${shortId(newId())}`, flows);
        this.#opened.push({ space, trace, events: [] });
      } catch (thrown) {
        if (!(thrown instanceof SyscallError || thrown instanceof NetlinkError)) throw thrown;
      }
    }
  }

  /** Whether a packet has come by. */
  hasSeen(): boolean {
    for (const { trace, events } of this.#opened) events.push(...trace.take());
    return this.#opened.some(({ events }) => events.length > 0);
  }

  steps(): Step[] {
    this.hasSeen();
    return this.#opened.flatMap(({ space, events }) => {
      const told = new Set<string>();
      return events
        .filter(({ table, kind, verdict, handle }) => {
          const isDecided = kind === "rule" ? handle !== undefined : kind === "policy" && verdict === "drop";
          return isDecided && !table.startsWith(ownTables);
        })
        .filter(({ family, table, chain, handle }) => {
          // Later packets of the connection, and others to that port, meet the same ones again.
          const key = `${family} ${table} ${chain} ${handle}`;
          return !told.has(key) && told.add(key);
        })
        .slice(0, mostEvents)
        .map(
          (event): Step => ({
            say: "traced",
            values: { who: space.who, rule: nameOfEvent(event, space.ruleset), verdict: event.verdict },
            outcome: event.verdict === "drop" ? "note" : "ok",
          }),
        );
    });
  }

  [Symbol.dispose](): void {
    for (const { trace } of this.#opened) trace[Symbol.dispose]();
  }
}

function nameOfEvent({ family, table, chain, handle }: TraceEvent, ruleset: ReadRuleset): string {
  const found = ruleset.chains.find(
    (each) => each.family === family && each.table === table && each.name === chain,
  );
  const rule = found?.rules.find((each) => each.handle === handle);
  if (rule !== undefined) return `${table} ${chain} handle ${handle}: ${ruleText(rule)}`;
  return handle === undefined ? `${table} ${chain}: policy` : `${table} ${chain} handle ${handle}`;
}

async function connect(
  { destination, port }: Packet,
  netns: OwnedFd | undefined,
): Promise<string | undefined> {
  using attempt = new TcpAttempt(netns, destination, port);
  for (let waited = 0; waited < limitMs; waited += lookEveryMs) {
    if (attempt.look()) return "connected";
    await pause(lookEveryMs);
  }
  return undefined;
}

async function send({ destination, port }: Packet, netns: OwnedFd | undefined): Promise<string | undefined> {
  using attempt = new UdpAttempt(netns, destination, port);
  attempt.send(new Uint8Array(0));
  for (let waited = 0; waited < limitMs; waited += lookEveryMs) {
    const answer = attempt.look();
    if (answer !== undefined) return `${answer.length} bytes`;
    await pause(lookEveryMs);
  }
  return undefined;
}
