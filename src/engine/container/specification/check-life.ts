/** When a container ends and begins again, what is kept of its output, and how its health is asked for. Pure. */
import { isIpv4 } from "../../../docker/ip-address.ts";
import { regularExpression } from "../../../docker/regular-expression.ts";
import { messageOf } from "../../../lib/errors.ts";
import { checkTag } from "./log-tag.ts";
import { refuse } from "./refuse.ts";
import type {
  ContainerSpecification,
  HealthSpecification,
  LogSpecification,
  RestartSpecification,
} from "./specification.ts";

export function checkLife({ restart, stop, removeWhenEnded, log, health }: ContainerSpecification): void {
  checkRestart(restart);
  if (removeWhenEnded && restart.policy !== "no") {
    refuse("restart-policy", "can't create 'AutoRemove' container with restart policy");
  }
  if (stop.graceSeconds < -1) {
    refuse("stop-timeout", `invalid stop timeout ${stop.graceSeconds}: wanted seconds, or -1 for no limit`);
  }
  checkLog(log);
  if (health !== null) checkHealth(health);
  checkHealthPolicy(restart, health);
}

/** Errors: `container.restart-policy` for a policy that would never learn what it waits for. */
export function checkHealthPolicy(
  { policy }: RestartSpecification,
  health: HealthSpecification | null,
): void {
  if (policy !== "on-unhealthy" || health !== null) return;
  refuse(
    "restart-policy",
    "invalid restart policy: 'on-unhealthy' needs a check of health, and neither the container nor its image has one",
  );
}

/** Whether a policy has a limit: what starts again without a reason has none. */
function counts({ policy }: RestartSpecification): boolean {
  return policy === "on-failure" || policy === "on-unhealthy";
}

export function checkRestart(restart: RestartSpecification): void {
  if (restart.limit !== 0 && !counts(restart)) {
    refuse(
      "restart-policy",
      "invalid restart policy: maximum retry count can only be used with 'on-failure'",
    );
  }
  if (restart.limit < 0) {
    refuse("restart-policy", "invalid restart policy: maximum retry count cannot be negative");
  }
}

const largestFiles = 1000;

function checkLog(log: LogSpecification): void {
  if (log.kind === "none") return;
  if (log.fileBytes < 1) refuse("log-option", `invalid log option max-size: ${log.fileBytes}`);
  if (log.files < 1 || log.files > largestFiles) {
    refuse("log-option", `invalid log option max-file: ${log.files}`);
  }
  checkTag(log.details.tag);
  for (const [key, pattern] of [
    ["labels-regex", log.details.labelsPattern],
    ["env-regex", log.details.environmentPattern],
  ] as const) {
    try {
      regularExpression(pattern ?? "");
    } catch (thrown) {
      refuse(
        "log-option",
        `invalid log option ${key}: ${JSON.stringify(pattern)} is no regular expression: ${messageOf(thrown)}`,
      );
    }
  }
}

const shortestNs = 1_000_000;

export function checkHealth(health: HealthSpecification): void {
  const { test } = health;
  if (test.kind === "command" && (test.arguments[0] ?? "") === "") {
    refuse("health", "the check of the container's health has no command");
  }
  if ((test.kind === "tcp" || test.kind === "http" || test.kind === "grpc") && !isIpv4(test.address)) {
    refuse(
      "health",
      `the check of the container's health at ${JSON.stringify(test.address)}: wanted an IPv4 address`,
    );
  }
  if (test.kind === "http" && !/^\/[!-~]*$/.test(test.path)) {
    refuse(
      "health",
      `the path ${JSON.stringify(test.path)} of a check of health: wanted one that begins with /`,
    );
  }
  if (test.kind === "grpc" && !/^[!-~]{0,100}$/.test(test.service)) {
    refuse(
      "health",
      `the service ${JSON.stringify(test.service)} of a check of health: wanted at most 100 characters`,
    );
  }
  checkHealthTimes({
    Interval: health.intervalNs,
    Timeout: health.timeoutNs,
    StartPeriod: health.startPeriodNs,
    StartInterval: health.startIntervalNs,
  });
  if (health.retries < 0) refuse("health", "Retries in Healthcheck cannot be negative");
}

/** By Docker's names, in nanoseconds; 0 and absent are the engine's choice. Errors: `container.health`. */
export function checkHealthTimes(times: {
  readonly Interval?: number | undefined;
  readonly Timeout?: number | undefined;
  readonly StartPeriod?: number | undefined;
  readonly StartInterval?: number | undefined;
}): void {
  for (const name of ["Interval", "Timeout", "StartPeriod", "StartInterval"] as const) {
    const value = times[name] ?? 0;
    if (value !== 0 && value < shortestNs) refuse("health", `${name} in Healthcheck cannot be less than 1ms`);
  }
}
