/** Holding a process over one of Tiffin's sessions. Loaded while the engine works on the request. */

import { answerOf } from "../../client/session.ts";
import type { SyncSocket } from "../../client/sync-socket.ts";
import type { PendingUpgrade } from "../../client/transport.ts";
import type { AttachedEnd } from "./attached-loop.ts";
import { type HoldOptions, ProcessHold } from "./hold-process.ts";
import { sessionDialect } from "./process-stream.ts";

export type SessionOptions = Omit<HoldOptions, "dialect" | "detachKeys" | "sendSignal" | "sendResize">;

/** Waits for the engine's answer and holds what it started. Throws `EngineError` when it refuses. */
export async function holdSession(
  pending: PendingUpgrade<SyncSocket>,
  options: SessionOptions,
): Promise<AttachedEnd> {
  // The engine watches for the detach keys of a session: only it can tell them from a lost connection.
  using hold = new ProcessHold({ ...options, dialect: sessionDialect(), detachKeys: undefined });
  const givenUp = await hold.untilAnswer(pending.stream);
  if (givenUp !== undefined) {
    pending.abandon();
    return { kind: "interrupted", signal: givenUp };
  }
  // Awaited here, as the hold must last as long as the process is held.
  return await hold.run(await answerOf(pending));
}
