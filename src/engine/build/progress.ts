/** How a build gets on, as events from which the classic text, BuildKit's status stream and `--why` are made. Times are ms since 1970. */

export interface VertexEvent {
  readonly kind: "vertex";
  readonly digest: string;
  readonly name: string;
  /** Digests of what it is made of. */
  readonly inputs: readonly string[];
  readonly startedMs?: number;
  readonly completedMs?: number;
  readonly cached: boolean;
  /** Of one that failed. */
  readonly error?: string;
}

/** A part of a vertex: a layer that is pulled, a context that comes in. */
export interface StatusEvent {
  readonly kind: "status";
  readonly vertex: string;
  /** Of the part; the same each time. */
  readonly id: string;
  readonly name: string;
  /** Bytes; `total` 0 is unknown. */
  readonly current: number;
  readonly total: number;
  readonly atMs: number;
  readonly startedMs: number;
  readonly completedMs?: number;
}

export interface LogEvent {
  readonly kind: "log";
  readonly vertex: string;
  readonly stream: 1 | 2;
  readonly data: Uint8Array;
  readonly atMs: number;
}

export interface WarningEvent {
  readonly kind: "warning";
  readonly vertex: string;
  /** The rule's name, `FromAsCasing` say. */
  readonly rule: string;
  readonly text: string;
  readonly detail: readonly string[];
  readonly url: string;
  readonly lines?: { readonly first: number; readonly last: number };
}

/** Why a step was done again, or that it was not. */
export interface ReasonEvent {
  readonly kind: "reason";
  readonly vertex: string;
  readonly cached: boolean;
  /** One line each; none for a step that nothing like it is known of. */
  readonly reasons: readonly string[];
}

/** All instructions that are to be done, in their order, told once. */
export interface OutlineEvent {
  readonly kind: "outline";
  readonly steps: readonly OutlineStep[];
}

export interface OutlineStep {
  /** As it stands in the Dockerfile. */
  readonly text: string;
  /** The vertex that does it; undefined for one that changes the configuration alone. */
  readonly vertex: string | undefined;
}

/** What only the classic text has: a line of its own. */
export interface TextEvent {
  readonly kind: "text";
  readonly text: string;
}

export type BuildEvent =
  | VertexEvent
  | StatusEvent
  | LogEvent
  | WarningEvent
  | ReasonEvent
  | OutlineEvent
  | TextEvent;

export type ReportEvent = (event: BuildEvent) => void;
