/**
 * The conversation in which an executor starts a process, for an engine as for the OCI runtime: START with the plan and
 * its descriptors, GO for each sync, and the last word. How the messages come and go is each one's own.
 */
import { encodePlan } from "../abi/encode.ts";
import { encodeMessage, type Message } from "../abi/message.ts";
import { opTimeUnitNs } from "../abi/schema.ts";
import { sealedMemfd } from "../kernel/memfd.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { TiffinError } from "../lib/errors.ts";
import { signalNumbers } from "../linux/signals.ts";
import type { Plan } from "../plan/mod.ts";

/** START as it is sent. Disposing of it closes the plan's own descriptor. */
export interface StartMessage extends Disposable {
  readonly bytes: Uint8Array;
  /** The plan, and what it receives in the order of its slots. */
  readonly fds: readonly OwnedFd[];
}

/** `find` gives the descriptor that the plan receives under a name; it stays the caller's. */
export function startMessage(plan: Plan, find: (name: string) => OwnedFd | undefined): StartMessage {
  const received = inSlotOrder(plan).map((name) => find(name) ?? missing(name));
  const memfd = sealedMemfd("tiffin-plan", encodePlan(plan.ops, plan.receives.length));
  const fds = [memfd, ...received];
  return {
    bytes: encodeMessage("start", { fdCount: fds.length }),
    fds,
    [Symbol.dispose]: () => memfd[Symbol.dispose](),
  };
}

function inSlotOrder({ receives }: Plan): string[] {
  const names: string[] = [];
  for (const { slot, name } of receives) names[slot] = name;
  if (Object.keys(names).length !== names.length || names.length !== receives.length) {
    throw new TiffinError("internal", "runtime.slot-gap", "the plan's received slots are not 0, 1, 2 ...");
  }
  return names;
}

function missing(name: string): never {
  throw new TiffinError(
    "internal",
    "runtime.slot-missing",
    `the plan wants descriptor ${JSON.stringify(name)}`,
  );
}

/** The program runs, or is held before it. */
export interface Started {
  /** As this pid namespace counts. */
  readonly pid: number;
  /** In the executor, from START to the new process. */
  readonly cloneMs: number;
  /** In the executor, from the new process to its program or its hold. */
  readonly execMs: number;
  /** Of each op of the plan, milliseconds; empty where the executor does not stay to tell. */
  readonly opTimesMs: Float32Array;
}

/** Does what stands behind a sync while the process waits. A rejection fails the start. */
export type OnSync = (id: number, pid: number) => Promise<void> | void;

const nsPerMs = 1e6;

export class StartConversation {
  readonly #plan: Plan;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #onSync: OnSync;
  #answered: Promise<void> = Promise.resolve();
  #cause: { readonly error: unknown } | undefined;
  #failed: Extract<Message, { name: "failed" }> | undefined;

  constructor(plan: Plan, send: (bytes: Uint8Array) => void, onSync: OnSync) {
    this.#plan = plan;
    this.#send = send;
    this.#onSync = onSync;
  }

  /** Takes the next message. What it returns is the last word of a start that has succeeded. */
  hear(message: Message): Started | undefined {
    if (message.name === "started") {
      const { pid, cloneNs, execNs } = message.fields;
      const opTimesMs = Float32Array.from(message.opTimes, (units) => (units * opTimeUnitNs) / nsPerMs);
      const cloneMs = Number(cloneNs) / nsPerMs;
      return { pid, cloneMs, execMs: Math.max(0, Number(execNs) / nsPerMs - cloneMs), opTimesMs };
    }
    if (message.name === "failed") this.#failed ??= message;
    if (message.name === "synced") this.#answered = this.#answer(message.fields.id, message.fields.pid);
    return undefined;
  }

  /** Once the last sync has its answer. Never rejects. */
  get answered(): Promise<void> {
    return this.#answered;
  }

  /** The executor has said that the start has failed, and leaves. */
  get isOver(): boolean {
    return this.#failed !== undefined;
  }

  /** The start will fail, or has. */
  get isLost(): boolean {
    return this.isOver || this.#cause !== undefined;
  }

  /** From here on the start fails for this reason, unless there is an earlier one. */
  giveUp(error: unknown): void {
    this.#cause ??= { error };
  }

  /** Why the start has failed: what was given up for, else what the executor has said, else `otherwise`. */
  async failure(otherwise: unknown): Promise<unknown> {
    if (this.#cause !== undefined) return this.#cause.error;
    if (this.#failed === undefined) return otherwise;
    return (await import("../plan/explain-failure.ts")).explainFailure(this.#plan, this.#failed);
  }

  async #answer(id: number, pid: number): Promise<void> {
    try {
      await this.#onSync(id, pid);
      this.#send(encodeMessage("go", { id }));
    } catch (error) {
      this.giveUp(error);
      this.#send(killMessage());
    }
  }
}

/** Before the last word it means: kill and reap the child, then leave. */
export function killMessage(): Uint8Array {
  return encodeMessage("signal", { number: signalNumbers.SIGKILL });
}
