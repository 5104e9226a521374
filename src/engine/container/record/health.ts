/**
 * What the checks of a container's health have said so far. In memory only: what an engine before has heard says nothing
 * about a program now, so the next one starts over, as Docker does.
 */

/** One check that has come to its end. */
export interface ProbeResult {
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  /** 0 is healthy; -1: it did not come to a result. */
  readonly exitCode: number;
  readonly output: string;
}

export type HealthStatus = "starting" | "healthy" | "unhealthy";

export interface Health {
  readonly status: HealthStatus;
  readonly failingStreak: number;
  /** The last ones, oldest first. */
  readonly log: readonly ProbeResult[];
}
