/**
 * Holding a container by Docker's own calls: attach on one connection, the exit status on a second that is opened before
 * anything can end, signals and sizes on the first free one.
 */
import type { ApiClient } from "../../client/api-client.ts";
import type { SyncSocket } from "../../client/sync-socket.ts";
import { defaultDetachKeys } from "../../docker/detach-keys.ts";
import type { CliContext } from "../context.ts";
import type { WindowSize } from "../io.ts";
import { terminalSize } from "../terminal-size.ts";
import type { AttachedEnd } from "./attached-loop.ts";
import { ProcessHold } from "./hold-process.ts";
import { attachDialect } from "./process-stream.ts";

export interface AttachContainerOptions {
  /** Full ID or name. */
  readonly name: string;
  readonly tty: boolean;
  readonly input: boolean;
  readonly signalProxy: boolean;
  /** Empty: the default. */
  readonly detachKeys: string;
  readonly waitCondition: "not-running" | "next-exit" | "removed";
  /** Runs when everything is in place: starts the container, or nothing. */
  ready(api: ApiClient<SyncSocket>): Promise<void>;
}

export type AttachOutcome =
  | { readonly kind: "exited"; readonly code: number }
  | Exclude<AttachedEnd, { readonly kind: "exited" | "failed" | "closed" }>;

/** Makes the terminal's program draw itself again: a size that differs, then the right one. */
async function redraw(api: ApiClient<SyncSocket>, name: string, size: WindowSize): Promise<void> {
  for (const rows of [size.rows + 1, size.rows]) {
    await api.perform("containerResize", { params: { name }, query: { h: rows, w: size.columns } });
  }
}

/** Attaches, calls `ready`, and returns how it ended. */
export async function attachContainer(
  context: CliContext,
  options: AttachContainerOptions,
): Promise<AttachOutcome> {
  const { name, tty, input } = options;
  const api = await context.api();
  const waiter = await context.separateApi();
  const keys = options.detachKeys;
  const upgraded = await api.hijack("containerAttach", {
    params: { name },
    query: {
      stream: true,
      stdout: true,
      stderr: true,
      stdin: input || undefined,
      detachKeys: keys || undefined,
    },
  });
  const waiting = await waiter.documentLater("containerWait", {
    params: { name },
    query: { condition: options.waitCondition },
  });
  await options.ready(api);
  const size = tty ? terminalSize(context.io) : undefined;
  // The process may have ended already: then there is nothing to draw, and no error in that.
  if (size !== undefined) await redraw(api, name, size).catch(() => undefined);
  const quietly = (call: Promise<unknown>): void => {
    call.catch(() => undefined);
  };
  using hold = new ProcessHold({
    io: context.io,
    dialect: attachDialect(tty),
    tty,
    input,
    signalProxy: options.signalProxy,
    detachKeys: keys === "" ? defaultDetachKeys : keys,
    sendSignal: (signal) => quietly(api.perform("containerKill", { params: { name }, query: { signal } })),
    sendResize: (window) =>
      quietly(
        api.perform("containerResize", { params: { name }, query: { h: window.rows, w: window.columns } }),
      ),
  });
  const end = await hold.run(upgraded);
  if (end.kind !== "closed" && end.kind !== "exited" && end.kind !== "failed") return end;
  const answer = await waiting();
  if (answer.Error !== undefined) context.err(`${answer.Error.Message}\n`);
  return { kind: "exited", code: answer.StatusCode };
}
