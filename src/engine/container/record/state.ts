/**
 * The life of a container as one union, and the only table of allowed changes. Nothing else in the engine
 * compares or sets a status by hand: `transition` does, and refuses what the table does not list.
 */
import { TiffinError } from "../../../lib/errors.ts";
import type { EndpointRecord, PublishedPort } from "../../network/mod.ts";

/** How a process ended. Times are milliseconds since the epoch. */
export interface Ending {
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** 0: it never ran. */
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  /** Why a start failed, in words. */
  readonly error: string;
  /** A client asked for the end, so that no restart policy undoes it. */
  readonly requested: boolean;
  /** The engine asked for the end, because of what its checks of health said. */
  readonly unhealthy?: boolean | undefined;
}

/** What a container holds of networks as long as it lives; nothing where it shares another's namespace or has none. */
export interface NetworkHold {
  readonly endpoints: readonly EndpointRecord[];
  readonly ports: readonly PublishedPort[];
}

export const holdsNothing: NetworkHold = { endpoints: [], ports: [] };

/** What a process of a container has while it exists. */
export interface Presence extends NetworkHold {
  /** Name of its supervisor's socket. */
  readonly token: string;
}

export interface Liveness extends Presence {
  readonly pid: number;
  readonly startedAtMs: number;
  /**
   * A client has asked for the end of this run, so that no restart policy undoes it. Written down before the signal goes
   * out: the end may come under another engine.
   */
  readonly stopping?: boolean | undefined;
  /** The engine has, because of what the checks of its health say. Written down likewise. */
  readonly unhealthy?: boolean | undefined;
}

export type ContainerState =
  /** Never ran; `failure` is the last start that came to nothing. */
  | { readonly status: "created"; readonly failure?: Ending | undefined }
  /** A supervisor has been chosen; until `running` an engine that finds this state cleans up. */
  | ({ readonly status: "starting"; readonly before: Ending | null } & Presence)
  | ({ readonly status: "running" } & Liveness)
  | ({ readonly status: "paused" } & Liveness)
  | { readonly status: "exited"; readonly ending: Ending }
  /** It has ended and its policy starts it again after a pause. To clients it runs all the while, as in Docker. */
  | { readonly status: "restarting"; readonly ending: Ending }
  /** Its things are being taken away, `volumes`: anonymous ones too; an engine that finds this state finishes the job. */
  | { readonly status: "removing"; readonly ending: Ending | null; readonly volumes?: boolean | undefined }
  /** Removal failed; only another removal is allowed. */
  | { readonly status: "dead"; readonly ending: Ending | null; readonly volumes?: boolean | undefined };

export type Status = ContainerState["status"];

/** From each status, where it may go. */
export const transitions = {
  created: ["starting", "removing"],
  starting: ["running", "created", "exited"],
  running: ["paused", "exited", "restarting"],
  paused: ["running", "exited", "restarting"],
  exited: ["starting", "removing"],
  restarting: ["starting", "exited", "removing"],
  removing: ["dead"],
  dead: ["removing"],
} as const satisfies Record<Status, readonly Status[]>;

function mayBecome(from: Status, to: Status): boolean {
  const allowed: readonly Status[] = transitions[from];
  return allowed.includes(to);
}

/** Returns `to` when the table allows the change; a refusal is a conflict between two requests. */
export function transition(what: string, from: ContainerState, to: ContainerState): ContainerState {
  if (mayBecome(from.status, to.status)) return to;
  throw new TiffinError(
    "conflict",
    "container.state",
    `container ${what} is ${from.status} and cannot become ${to.status}`,
  );
}

/** Whether a process exists. */
export function isAlive(
  state: ContainerState,
): state is Extract<ContainerState, { status: "running" | "paused" }> {
  return state.status === "running" || state.status === "paused";
}

/** What the container holds of networks now. */
export function holdOf(state: ContainerState): NetworkHold {
  if (!isAlive(state) && state.status !== "starting") return holdsNothing;
  const { endpoints, ports } = state;
  return { endpoints, ports };
}

/** Whether clients are told that it runs: it does, or will again by itself. */
export function countsAsRunning(state: ContainerState): boolean {
  return isAlive(state) || state.status === "restarting";
}

/** The last ending that clients may see. */
export function endingOf(state: ContainerState): Ending | null {
  switch (state.status) {
    case "created":
      return state.failure ?? null;
    case "exited":
    case "restarting":
    case "removing":
    case "dead":
      return state.ending;
    case "starting":
      return state.before;
    case "running":
    case "paused":
      return null;
  }
}

/** The supervisor's token, while there is a supervisor. */
export function tokenOf(state: ContainerState): string | null {
  switch (state.status) {
    case "starting":
    case "running":
    case "paused":
      return state.token;
    case "created":
    case "exited":
    case "restarting":
    case "removing":
    case "dead":
      return null;
  }
}
