/** Waiting for a container's end, under Docker's three conditions. */
import type { WaitCondition, WaitResponse } from "../../../docker/types/container.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { type Container, countsAsRunning, type Ending, endingOf } from "../record/mod.ts";

function responseOf(ending: Ending | null): WaitResponse {
  const failed = ending !== null && ending.error !== "" && ending.startedAtMs === 0;
  return {
    StatusCode: ending?.exitCode ?? 0,
    ...(failed && { Error: { Message: ending.error } }),
  };
}

/** Registered when this returns; the promise settles when the condition holds, or rejects as `cancelled`. */
export function waitFor(
  container: Container,
  condition: WaitCondition,
  abort: AbortSignal,
): Promise<WaitResponse> {
  const { state } = container;
  const running = countsAsRunning(state) || state.status === "starting";
  if (condition === "not-running" && !running) return Promise.resolve(responseOf(endingOf(state)));
  const { promise, resolve, reject } = Promise.withResolvers<WaitResponse>();
  const told = (ending: Ending | null): void => {
    forget();
    // Once it is removed, how its start failed is no longer news: the starter has been told.
    resolve(condition === "removed" ? { StatusCode: ending?.exitCode ?? 0 } : responseOf(ending));
  };
  const cancelled = (): void => {
    forget();
    reject(new TiffinError("cancelled", "container.wait-cancelled", "the wait was given up"));
  };
  const forget = (): void => {
    container.exits.delete(told);
    container.removals.delete(told);
    abort.removeEventListener("abort", cancelled);
  };
  if (condition === "removed") container.removals.add(told);
  else container.exits.add(told);
  abort.addEventListener("abort", cancelled);
  if (abort.aborted) cancelled();
  return promise;
}
