/** A real packet, from where the sender is, and what the kernel's trace says of its way. */
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { TcpAttempt } from "../../kernel/tcp-attempt.ts";
import { UdpAttempt } from "../../kernel/udp-attempt.ts";
import { pause } from "../../lib/timer.ts";
import type { Step } from "./decide.ts";
import type { Packet } from "./packet.ts";
import type { Probed } from "./report.ts";

const limitMs = 1500;
const lookEveryMs = 5;

export interface TracedSpace {
  readonly who: string;
  readonly netns: OwnedFd | undefined;
}

/** TCP: a connection, closed at once. UDP: an empty datagram, to which an answer is not expected. */
export async function probeReach(
  packet: Packet,
  netns: OwnedFd | undefined,
  _spaces: readonly TracedSpace[],
): Promise<Probed> {
  try {
    const answer = packet.protocol === "tcp" ? await connect(packet, netns) : await send(packet, netns);
    const step: Step =
      answer === undefined
        ? { say: "probeSilent", values: { ms: limitMs }, outcome: "note" }
        : { say: "probeAnswered", values: { answer }, outcome: "ok" };
    // Nobody has to answer a datagram.
    return { isAnswered: answer !== undefined || packet.protocol === "udp", steps: [step] };
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    return {
      isAnswered: false,
      steps: [{ say: "probeFailed", values: { error: thrown.code }, outcome: "note" }],
    };
  }
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
