/**
 * One executor for one plan, driven by blocking system calls: this program has nothing else to do meanwhile, and an
 * event loop costs more than the whole conversation. The executor runs from a sealed memfd, so nothing that a
 * container can reach leads to a file that it could write to; it is started before its plan is known, so that it
 * gets ready on another processor while the plan is made.
 */
import { encodePlan } from "../../abi/encode.ts";
import { encodeMessage, type Message } from "../../abi/message.ts";
import { sealedMemfd } from "../../kernel/memfd.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { reapChild, signalPid } from "../../kernel/pidfd.ts";
import { receiveWithFds, sendWithFds } from "../../kernel/send-fds.ts";
import { socketPair } from "../../kernel/socket-pair.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { vforkExec } from "../../kernel/vfork-exec.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { Plan } from "../../plan/plan.ts";
import { MessageSplitter } from "../control-channel.ts";
import type { Executor, Launched } from "./host.ts";

const programName = "tiffin-executor";
const sigkill = 9;
const messageBytes = 4096;
const nsPerMs = 1e6;

export class ExecutorProcess implements Executor {
  readonly #socket: OwnedFd;
  readonly #pid: number;
  #ended = false;

  constructor(binary: Uint8Array) {
    using memfd = sealedMemfd(programName, binary, { executable: true });
    const [ours, theirs] = socketPair("control connection of the executor");
    using _theirs = theirs;
    this.#socket = ours;
    // Without a name in argv[1] it makes no socket to be found by: it will not stay.
    this.#pid = vforkExec(memfd, [programName, ""], theirs);
  }

  async perform(
    plan: Plan,
    fds: ReadonlyMap<string, OwnedFd>,
    onSync: (id: number, pid: number) => Promise<void> | void,
  ): Promise<Launched> {
    this.#sendPlan(plan, fds);
    const splitter = new MessageSplitter();
    const buffer = new Uint8Array(messageBytes);
    let terminal: OwnedFd | undefined;
    let thrown: { readonly error: unknown } | undefined;
    for (;;) {
      const received = receiveWithFds(this.#socket, buffer, 1);
      terminal ??= received.fds[0];
      if (received.length === 0) break;
      const messages: Message[] = [];
      splitter.push(buffer.subarray(0, received.length), (message) => messages.push(message));
      for (const message of messages) {
        if (message.name === "started") {
          this.#reap();
          const { pid, cloneNs, execNs } = message.fields;
          const cloneMs = Number(cloneNs) / nsPerMs;
          return { pid, terminal, cloneMs, execMs: Math.max(0, Number(execNs) / nsPerMs - cloneMs) };
        }
        if (message.name === "failed") {
          this.#reap();
          if (thrown !== undefined) throw thrown.error;
          throw (await import("../../plan/explain-failure.ts")).explainFailure(plan, message);
        }
        if (message.name !== "synced") continue;
        try {
          await onSync(message.fields.id, message.fields.pid);
          this.#send(encodeMessage("go", { id: message.fields.id }));
        } catch (error) {
          thrown = { error };
          this.#send(encodeMessage("signal", { number: sigkill }));
        }
      }
    }
    if (thrown !== undefined) throw thrown.error;
    throw new TiffinError(
      "internal",
      "runtime.executor-vanished",
      "the executor ended before it started the process",
      {
        remedy: "look in the kernel log for an out-of-memory kill",
      },
    );
  }

  /** An executor without a plan leaves when its connection ends; one with a plan has left or gone on alone. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
    if (!this.#ended) this.#reap();
  }

  #sendPlan(plan: Plan, fds: ReadonlyMap<string, OwnedFd>): void {
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
    sendWithFds(this.#socket, encodeMessage("start", { fdCount: sent.length }), sent);
  }

  #send(bytes: Uint8Array): void {
    try {
      sendWithFds(this.#socket, bytes, []);
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
