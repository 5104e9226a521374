/** Waiting until a container is of use, without asking again and again where the engine can tell. */
import { connect as connectTcp } from "node:net";
import type { ContainerInspect } from "../docker/types/container.ts";
import { nowMs } from "../lib/clock.ts";
import { TiffinError } from "../lib/errors.ts";
import { pause } from "../lib/timer.ts";
import type { Cancellable, EngineContext } from "./context.ts";
import type { LogOptions } from "./logs.ts";
import type { OutputLine } from "./output-text.ts";

/** What is asked of a container here. */
interface Watched {
  readonly id: string;
  logs(options: LogOptions): AsyncIterable<OutputLine>;
  inspect(options: Cancellable): Promise<ContainerInspect>;
  published(
    port: string | number,
    options: Cancellable,
  ): Promise<{ readonly host: string; readonly port: number }>;
}

/** One of them: a check of health that holds, text in the output, or a published port that accepts connections. */
export type Readiness =
  | { readonly healthy: true }
  | { readonly log: string | RegExp }
  | { readonly port: string | number };

const portPauseMs = 20;
const overlapMs = 1_000;
const nanoPerMs = 1_000_000n;

export async function waitUntilReady(
  container: Watched,
  context: EngineContext,
  readiness: Readiness,
  { signal }: Cancellable,
): Promise<void> {
  if ("healthy" in readiness) await untilHealthy(container, context, signal);
  else if ("log" in readiness) await untilWritten(container, readiness.log, signal);
  else await untilAccepts(container, readiness.port, signal);
}

function ended(container: Watched, wanted: string): TiffinError {
  return new TiffinError("conflict", "client.ended-early", `${container.id} has ended before ${wanted}`, {
    remedy: "its output may say why: read its logs",
  });
}

async function untilWritten(container: Watched, wanted: string | RegExp, signal: AbortSignal | undefined) {
  for await (const { text } of container.logs({ follow: true, ...(signal !== undefined && { signal }) })) {
    if (typeof wanted === "string" ? text.includes(wanted) : wanted.test(text)) return;
  }
  throw ended(container, `it wrote ${String(wanted)}`);
}

async function untilHealthy(container: Watched, { api }: EngineContext, signal: AbortSignal | undefined) {
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  // From before the question, so that no change falls in between.
  const events = api.lines("events", {
    query: { since: BigInt(nowMs() - overlapMs) * nanoPerMs, filters: { container: [container.id] } },
    signal: either,
  });
  const isHealthy = async (): Promise<boolean> => {
    const { State: state } = await container.inspect({ signal });
    if (state.Health === undefined || state.Health === null) {
      throw new TiffinError("invalid", "client.no-health", `${container.id} has no check of its health`);
    }
    if (!state.Running) throw ended(container, "it was healthy");
    return state.Health.Status === "healthy";
  };
  try {
    if (await isHealthy()) return;
    for await (const { Action: action } of events) {
      if (!action.startsWith("health_status") && action !== "die") continue;
      if (await isHealthy()) return;
    }
  } finally {
    stop.abort();
  }
}

async function untilAccepts(container: Watched, port: string | number, signal: AbortSignal | undefined) {
  const place = await container.published(port, { signal });
  for (;;) {
    if (signal?.aborted === true) {
      throw new TiffinError("cancelled", "client.cancelled", `gave up waiting for port ${port}`, {
        cause: signal.reason,
      });
    }
    if (await accepts(place)) return;
    if (!(await container.inspect({ signal })).State.Running)
      throw ended(container, `port ${port} accepted connections`);
    await pause(portPauseMs);
  }
}

function accepts({ host, port }: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host, port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
