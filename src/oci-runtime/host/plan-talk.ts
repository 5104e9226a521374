/** Performs one plan in an executor whose messages are asked for one after the other, whoever brings them. */
import type { Message } from "../../abi/message.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import type { Plan } from "../../plan/plan.ts";
import { type OnSync, StartConversation, startMessage } from "../../runtime/start-conversation.ts";
import type { Launched } from "./host.ts";

export interface PlanTalk {
  send(bytes: Uint8Array, fds: readonly OwnedFd[]): void;
  /** The next message and the descriptors that came until then. Throws when the executor is gone. */
  receive(): Promise<{ readonly message: Message; readonly fds: readonly OwnedFd[] }>;
}

/** See `Executor.perform`. */
export async function performPlan(
  talk: PlanTalk,
  plan: Plan,
  fds: ReadonlyMap<string, OwnedFd>,
  onSync: OnSync,
): Promise<Launched> {
  {
    using start = startMessage(plan, (name) => fds.get(name));
    talk.send(start.bytes, start.fds);
  }
  const conversation = new StartConversation(plan, (bytes) => talk.send(bytes, []), onSync);
  let terminal: OwnedFd | undefined;
  let end: unknown;
  while (!conversation.isOver) {
    try {
      const { message, fds: received } = await talk.receive();
      terminal ??= received[0];
      const started = conversation.hear(message);
      if (started !== undefined) return { ...started, terminal };
    } catch (thrown) {
      end = thrown;
      break;
    }
    await conversation.answered;
  }
  throw await conversation.failure(end);
}
