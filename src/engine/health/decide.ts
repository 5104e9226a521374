/** What the checks of a container's health mean: when the next one comes, and what a result changes. Pure. */
import type { Health, HealthSpecification, ProbeResult } from "../container/mod.ts";

/** How a container's health is asked for, with Docker's defaults filled in. */
export interface HealthSettings {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
  readonly retries: number;
}

const defaults: HealthSettings = {
  intervalMs: 30_000,
  timeoutMs: 30_000,
  startPeriodMs: 0,
  startIntervalMs: 5000,
  retries: 3,
};
const nanosecondsPerMs = 1_000_000;
const rememberedResults = 5;

export function settingsOf(health: HealthSpecification): HealthSettings {
  return {
    intervalMs: health.intervalNs / nanosecondsPerMs || defaults.intervalMs,
    timeoutMs: health.timeoutNs / nanosecondsPerMs || defaults.timeoutMs,
    startPeriodMs: health.startPeriodNs / nanosecondsPerMs || defaults.startPeriodMs,
    startIntervalMs: health.startIntervalNs / nanosecondsPerMs || defaults.startIntervalMs,
    retries: health.retries || defaults.retries,
  };
}

/** A run begins: nothing is known of it, and what was seen of the last one can still be read. */
export function atStart(before: Health | undefined): Health {
  return { status: "starting", failingStreak: 0, log: before?.log ?? [] };
}

/** Nobody asks any more, as while it is paused or after its end. Docker calls that unhealthy. */
export function whileNobodyAsks(before: Health): Health {
  return { ...before, status: "unhealthy" };
}

/** How long to wait for the next check of a run that began `ranMs` ago. */
export function pauseBeforeProbe({ status }: Health, settings: HealthSettings, ranMs: number): number {
  const isStarting = status === "starting" && ranMs < settings.startPeriodMs;
  return isStarting ? settings.startIntervalMs : settings.intervalMs;
}

/** What is known after a check that began `ranMs` after the start of the run. */
export function afterProbe(
  before: Health,
  result: ProbeResult,
  settings: HealthSettings,
  ranMs: number,
): Health {
  const log = [...before.log, result].slice(-rememberedResults);
  if (result.exitCode === 0) return { status: "healthy", failingStreak: 0, log };
  // A program that has never been healthy is given its time.
  if (before.status === "starting" && ranMs < settings.startPeriodMs) return { ...before, log };
  const failingStreak = before.failingStreak + 1;
  return { status: failingStreak >= settings.retries ? "unhealthy" : before.status, failingStreak, log };
}
