/**
 * What the runtime offers to the engine: the words, and the promises behind them. No behaviour lives here.
 *
 * A *launch* performs one plan in one executor process. The executor then stays as the process's *supervisor*:
 * it outlives this engine, so everything an engine needs to find it again is its *token* (the name of its
 * listener socket) and the record file that it writes at the end.
 */
import type { HeldProcess } from "../kernel/held-process.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import type { Plan } from "../plan/mod.ts";

export interface RuntimeOptions {
  /** The static executor: its bytes, or the path of the binary. Read once, into a sealed memfd. */
  readonly executor: Uint8Array | string;
  /** The engine's run directory (0700); listener sockets are `<runDirectory>/s/<token>`. */
  readonly runDirectory: string;
  /** From START to the running program; a minute when absent. */
  readonly startLimitMs?: number;
}

export interface Runtime {
  /**
   * Keeps `count` executors started ahead of need. Returns at once: the missing ones are started one per turn
   * of the event loop. Call it when there is nothing better to do, such as after a reply.
   */
  warm(count: number): void;
  /**
   * Performs a plan. Resolves once the program runs (execve succeeded); rejects with the `TiffinError` of
   * `explainFailure` when an op failed, in which case no process, socket or descriptor is left.
   */
  launch(request: LaunchRequest): Promise<SupervisedProcess>;
  /**
   * Looks for the process whose supervisor listens as `token`. Settles soon whatever the supervisor does: one that does
   * not answer in time is let to hold up nobody, and its process is taken over by what the engine knows about it.
   */
  reconnect(token: string, known?: KnownProcess): Promise<Reconnection>;
  /** The user namespace that a plan receives as slot `name` (`idmap:...`), made once. The runtime keeps it. */
  userNamespace(name: string): Promise<OwnedFd>;
  /** Tokens of all sockets in the run directory. */
  tokens(): string[];
  /**
   * Removes the sockets on which nobody listens any more, but for those `claimed` and this runtime's own. A socket that
   * nobody claims and somebody listens on belongs to an exec of the engine before; it goes with its supervisor.
   */
  sweep(claimed: ReadonlySet<string>): void;
  /** Removes the socket of a supervisor that is gone. */
  forget(token: string): void;
  /** Ends warm executors and lets go of supervisors. Running containers are not touched. */
  close(): void;
}

/** What an engine has written down about a process. */
export interface KnownProcess {
  /** Process id as the host sees it; absent when its start was not seen to the end. */
  readonly pid?: number;
  /** As in `LaunchRequest`. */
  readonly recordPath?: string;
  /** Nobody has asked for it to end: a supervisor that does not answer is left alone. */
  readonly stays?: boolean;
}

export type Reconnection =
  /** Nobody listens: `readRecord` says how it ended. */
  | { readonly kind: "gone" }
  | { readonly kind: "found"; readonly process: SupervisedProcess }
  /**
   * The supervisor does not answer. With a known pid, `process` is as good as any: signals reach it, and its end is
   * heard of sooner or later. Without one the supervisor has been killed, with all that it had begun,
   * unless it is to stay.
   */
  | {
      readonly kind: "silent";
      readonly supervisorPid: number | undefined;
      readonly process: SupervisedProcess | undefined;
    };

export interface LaunchRequest {
  readonly plan: Plan;
  /**
   * The descriptors that the plan receives, by slot name, except `attach:N`, which the runtime makes. Ownership
   * stays with the caller, who may close them as soon as `launch` has settled.
   */
  readonly fds: ReadonlyMap<string, OwnedFd>;
  /** The file behind the plan's `record` slot: read when the supervisor goes away without telling. */
  readonly recordPath?: string;
  /**
   * Called before START is sent, so that a crash from here on can be recovered from. Called again with another
   * token when the executor turns out to have died while it waited.
   */
  readonly onToken?: (token: string) => void;
  /** Called at a `sync` op; the child waits until it has returned. A rejection fails the launch. */
  readonly onSync?: (id: number, pid: number) => Promise<void> | void;
}

/** Milliseconds of each phase of a launch. */
export interface LaunchPhases {
  /** Until an executor was at hand: near 0 when one was warm. */
  readonly takeMs: number;
  /** Encoding the plan and handing it over. */
  readonly sendMs: number;
  /** In the executor, from START to the new process. */
  readonly cloneMs: number;
  /** In the executor, from the new process to its execve. */
  readonly execMs: number;
  /** From the call of `launch` to its result. */
  readonly totalMs: number;
}

/** How a process ended. */
export interface ExitRecord {
  /** 0-255: the exit status, or 128 + the signal's number. */
  readonly exitCode: number;
  readonly signal?: number;
  readonly oomKilled: boolean;
  /** Unix time, nanoseconds. */
  readonly startedAtNs: bigint;
  readonly finishedAtNs: bigint;
  /**
   * True when the supervisor went away without telling: it was killed. The exit code is then 137 unless the kernel still
   * knew it, and the processes of the container may still run, so whoever sees this kills its cgroup.
   */
  readonly lost: boolean;
}

/** Which streams an attach connection carries: bits of `attachFlags` in the wire schema. */
export type AttachFlags = number;

export interface SupervisedProcess {
  /** Name of the listener socket; what an engine stores to find the process again. */
  readonly token: string;
  /** Process id as the host sees it. */
  readonly pid: number;
  /** Unix time of the start, nanoseconds. */
  readonly startedAtNs: bigint;
  /** Absent on a process found again by `reconnect`. */
  readonly phases: LaunchPhases | undefined;
  /** Of each op of the plan that it was launched with, milliseconds. Absent on a process found again by `reconnect`. */
  readonly opTimesMs: Float32Array | undefined;
  /** One stream per `attach:N` slot of the plan, in order; no byte of output came before them. */
  readonly attachments: readonly ByteDuplex[];
  /** The main process; undefined when it ended before it could be held. Do not dispose of it: it goes with this. */
  readonly main: HeldProcess | undefined;
  /**
   * Joins the running process. Output: raw with a terminal, else frames of Docker's 8-byte header. Rejects with
   * `unavailable` when the supervisor is gone or does not answer.
   */
  attach(flags: AttachFlags): Promise<ByteDuplex>;
  /** Sets the window size of the process's terminal, in characters. Rejects as `attach` does. */
  resize(rows: number, columns: number): Promise<void>;
  /** Sends a signal to the main process, past the supervisor. False when it has ended. */
  signal(number: number): boolean;
  closeStdin(): void;
  /**
   * Resolves once the process has ended, its output is in the logs and its record is written. An attached stream
   * has everything when it ends, which may be later. Never rejects; stays pending after `disconnect`.
   */
  readonly exited: Promise<ExitRecord>;
  /** Lets go of the supervisor; it and the process go on. */
  disconnect(): void;
}
