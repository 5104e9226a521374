/** The conversation with the executor of one plan, whoever brings the messages. */
import { encodePlan } from "../../abi/encode.ts";
import { encodeMessage, type Message } from "../../abi/message.ts";
import { sealedMemfd } from "../../kernel/memfd.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Launched } from "./host.ts";

export interface PlanTalk {
  send(bytes: Uint8Array, fds: readonly OwnedFd[]): void;
  /** The next message and the descriptors that came until then. Throws when the executor is gone. */
  receive(): Promise<{ readonly message: Message; readonly fds: readonly OwnedFd[] }>;
}

const sigkill = 9;
const nsPerMs = 1e6;

/** See `Executor.perform`. */
export async function performPlan(
  talk: PlanTalk,
  plan: Plan,
  fds: ReadonlyMap<string, OwnedFd>,
  onSync: (id: number, pid: number) => Promise<void> | void,
): Promise<Launched> {
  sendPlan(talk, plan, fds);
  let terminal: OwnedFd | undefined;
  let thrown: { readonly error: unknown } | undefined;
  for (;;) {
    const { message, fds: received } = await nextOf(talk, thrown);
    terminal ??= received[0];
    if (message.name === "started") {
      const { pid, cloneNs, execNs } = message.fields;
      const cloneMs = Number(cloneNs) / nsPerMs;
      return { pid, terminal, cloneMs, execMs: Math.max(0, Number(execNs) / nsPerMs - cloneMs) };
    }
    if (message.name === "failed") {
      if (thrown !== undefined) throw thrown.error;
      throw (await import("../../plan/explain-failure.ts")).explainFailure(plan, message);
    }
    if (message.name !== "synced") continue;
    try {
      await onSync(message.fields.id, message.fields.pid);
      talk.send(encodeMessage("go", { id: message.fields.id }), []);
    } catch (error) {
      thrown = { error };
      talk.send(encodeMessage("signal", { number: sigkill }), []);
    }
  }
}

async function nextOf(
  talk: PlanTalk,
  thrown: { readonly error: unknown } | undefined,
): ReturnType<PlanTalk["receive"]> {
  try {
    return await talk.receive();
  } catch (error) {
    // What was refused at a sync is why it ended.
    throw thrown === undefined ? error : thrown.error;
  }
}

function sendPlan(talk: PlanTalk, plan: Plan, fds: ReadonlyMap<string, OwnedFd>): void {
  using memfd = sealedMemfd("tiffin-plan", encodePlan(plan.ops, plan.receives.length));
  const sent: OwnedFd[] = [memfd];
  for (const { slot, name } of plan.receives) {
    const fd = fds.get(name);
    if (fd === undefined) {
      throw new TiffinError(
        "internal",
        "runtime.slot-missing",
        `the plan wants descriptor ${JSON.stringify(name)}`,
      );
    }
    sent[slot + 1] = fd;
  }
  talk.send(encodeMessage("start", { fdCount: sent.length }), sent);
}
