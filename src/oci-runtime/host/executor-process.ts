/**
 * One executor for one plan, driven by blocking system calls: this program has nothing else to do meanwhile, and an
 * event loop costs more than the whole conversation. The executor runs from a sealed memfd, so nothing that a
 * container can reach leads to a file that it could write to; it is started before its plan is known, so that it
 * gets ready on another processor while the plan is made.
 */

import { MessageSplitter } from "../../abi/message-splitter.ts";
import { executorName } from "../../abi/schema.ts";
import { sealedMemfd } from "../../kernel/memfd.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { reapChild, signalPid } from "../../kernel/pidfd.ts";
import { receiveWithFds, sendWithFds } from "../../kernel/send-fds.ts";
import { socketPair } from "../../kernel/socket-pair.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { vforkExec } from "../../kernel/vfork-exec.ts";
import type { Plan } from "../../plan/plan.ts";
import type { OnSync } from "../../runtime/start-conversation.ts";
import { CallerGone, type Executor, type Launched } from "./host.ts";
import { type PlanTalk, performPlan } from "./plan-talk.ts";

const sigkill = 9;
const messageBytes = 4096;

function vanished(): CallerGone {
  return new CallerGone(
    "the executor ended before it started the process: look in the kernel log for an out-of-memory kill",
  );
}

export class ExecutorProcess implements Executor {
  readonly #socket: OwnedFd;
  readonly #pid: number;
  #ended = false;

  constructor(binary: Uint8Array) {
    using memfd = sealedMemfd(executorName, binary, { executable: true });
    const [ours, theirs] = socketPair("control connection of the executor");
    using _theirs = theirs;
    this.#socket = ours;
    // Without a name in argv[1] it makes no socket to be found by: it will not stay.
    this.#pid = vforkExec(memfd, [executorName, ""], theirs);
  }

  get pid(): number {
    return this.#pid;
  }

  async perform(plan: Plan, fds: ReadonlyMap<string, OwnedFd>, onSync: OnSync): Promise<Launched> {
    const splitter = new MessageSplitter();
    const buffer = new Uint8Array(messageBytes);
    const talk: PlanTalk = {
      send: (bytes, sent) => this.#send(bytes, sent),
      receive: async () => {
        const received: OwnedFd[] = [];
        for (;;) {
          const message = splitter.next();
          if (message !== undefined) return { message, fds: received };
          const { length, fds: more } = receiveWithFds(this.#socket, buffer, 1);
          received.push(...more);
          if (length === 0) throw vanished();
          splitter.push(buffer.subarray(0, length));
        }
      },
    };
    try {
      return await performPlan(talk, plan, fds, onSync);
    } catch (thrown) {
      // It may not even have got its plan, and would wait for it as long as the connection is there.
      this.#socket[Symbol.dispose]();
      throw thrown;
    } finally {
      this.#reap();
    }
  }

  /** An executor without a plan leaves when its connection ends; one with a plan has left or gone on alone. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
    if (!this.#ended) this.#reap();
  }

  #send(bytes: Uint8Array, fds: readonly OwnedFd[]): void {
    try {
      sendWithFds(this.#socket, bytes, fds);
    } catch (error) {
      // It is gone; the end of the connection says so to the reader.
      if (!(error instanceof SyscallError && error.code === "EPIPE")) throw error;
    }
  }

  #reap(): void {
    this.#ended = true;
    if (reapChild(this.#pid, { block: true }) === "running") signalPid(this.#pid, sigkill);
  }
}
