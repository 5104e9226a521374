/**
 * What a container is to the engine: the document that creation writes and little changes (name, networks, limits, restart policy), the
 * state beside it, and, while it lives, what this process holds of it.
 */
import type { FailedOperation } from "../../../lib/errors.ts";
import type { SupervisedProcess } from "../../../runtime/mod.ts";
import type { PendingStream } from "../streams/mod.ts";
import type { ContainerDocument } from "./document.ts";
import type { Health } from "./health.ts";
import type { ContainerState, Ending } from "./state.ts";

/** Milliseconds of each step of a start, in the order in which they happened. */
export type StartPhases = Readonly<Record<string, number>>;

/** How long each operation of the last start by this engine process took. */
export interface StartTimes {
  /** Of the plan that it was (`planSignature`), hashed: once it is asked for, or a moment after the start. */
  signature(): bigint;
  /** Milliseconds, in the order of the plan. */
  readonly hostMs: readonly number[];
  readonly opMs: Float32Array;
  /** Places of operations on the host whose failure was let pass. */
  readonly tolerated: readonly number[];
}

/** Which operation ended the last start, of which plan. Kept while the engine runs. */
export interface FailedStart extends FailedOperation {
  readonly signature: bigint;
}

export interface Container {
  readonly id: string;
  name: string;
  readonly createdMs: number;
  /** Its networks, limits and restart policy may change. */
  document: ContainerDocument;
  state: ContainerState;
  /** The supervised process while `state` is running or paused. */
  process: SupervisedProcess | undefined;
  phases: StartPhases | undefined;
  startTimes: StartTimes | undefined;
  failedStart: FailedStart | undefined;
  /** What the last start asked for and the host could not give, one sentence each. */
  startWarnings: readonly string[];
  /** Clients that attached before the start. */
  pending: PendingStream[];
  /** Asked for before there was a terminal. */
  size: { readonly rows: number; readonly columns: number } | undefined;
  /** A client has it end and start again: what goes with its end stays. */
  returning: boolean;
  /** How often its policy has started it since a client did. Stored with the next state. */
  restarts: number;
  /** The last pause before a restart; 0 where none came before, as after a run that lasted. Not stored. */
  restartPauseMs: number;
  /** The tail of the queue of changes: starts, stops and removals happen one after the other. */
  queue: Promise<unknown>;
  /** Work that reads its files and must see all of them: a removal waits for it. None of it rejects. */
  readonly readers: Set<Promise<void>>;
  /** Output that clients have not got all of yet, each until it is over. None of it rejects. */
  readonly outputs: Set<Promise<void>>;
  readonly exits: Set<(ending: Ending) => void>;
  readonly removals: Set<(ending: Ending | null) => void>;
  readonly execs: Set<string>;
  /** Variables that are on no disk and in no document, for its next start. */
  secretEnvironment?: readonly string[];
  /** Since it first ran with checks to be made. Not stored. */
  health: Health | undefined;
}
