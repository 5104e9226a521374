/**
 * A client's connection as a Tiffin session: frames both ways (`docker/framing.ts`). Output of a process without a
 * terminal is framed already and passes untouched; a terminal's is wrapped as stdout. The exit is told when both have
 * come: the end of the output and the exit itself.
 */
import { decodeJson } from "../docker/decode.ts";
import { DetachWatcher } from "../docker/detach-keys.ts";
import { encodeFrame, encodeJsonFrame, FrameDecoder, frameText, frameTypes } from "../docker/framing.ts";
import { type RunExited, type RunFailed, runSignal, terminalSize } from "../docker/types/run.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { messageOf, TiffinError } from "../lib/errors.ts";
import type { RunSession } from "./backend.ts";
import { sayFarewell } from "./join-client.ts";
import { errorBody } from "./status.ts";

const nothing = new Uint8Array(0);
/** The frame that says that nothing was started. */
export function failedFrame(error: TiffinError): Uint8Array {
  const failed: RunFailed = { ...errorBody(error), code: error.code, kind: error.kind };
  return encodeJsonFrame(frameTypes.failed, failed);
}

export interface SessionOptions {
  readonly detachKeys: Uint8Array;
  /** A request of the client inside the session that failed in an unexpected way. */
  onFault(error: unknown): void;
}

export function joinSession(client: ByteDuplex, session: RunSession, options: SessionOptions): void {
  const { stream, tty } = session;
  const watcher = tty ? new DetachWatcher(options.detachKeys) : undefined;
  let over = false;
  let outputEnded = false;
  let exit: RunExited | undefined;

  const finish = (last: Uint8Array): void => {
    if (over) return;
    over = true;
    stream.destroy();
    client.write(last);
    sayFarewell(client);
  };
  const tellExit = (): void => {
    if (outputEnded && exit !== undefined) finish(encodeJsonFrame(frameTypes.exited, exit));
  };
  const outputEnd = (): void => {
    outputEnded = true;
    tellExit();
  };
  // The process may have ended in the meantime, and a client cannot know: that is no fault.
  const tolerate = (thrown: unknown): void => {
    if (thrown instanceof TiffinError && (thrown.kind === "conflict" || thrown.kind === "notFound")) return;
    options.onFault(thrown);
  };
  const control = (type: number, payload: Uint8Array): void => {
    switch (type) {
      case frameTypes.stdinEnd:
        stream.end();
        return;
      case frameTypes.resize: {
        const { h, w } = decodeJson(frameText(payload), terminalSize, "resize frame");
        session.resize({ height: h, width: w }).catch(tolerate);
        return;
      }
      case frameTypes.signal:
        session.signal(decodeJson(frameText(payload), runSignal, "signal frame").signal).catch(tolerate);
        return;
      default:
        throw new TiffinError("invalid", "stream.frame-unknown", `unknown frame type ${type}`);
    }
  };
  const decoder = new FrameDecoder({
    part(type, piece) {
      if (over || type !== frameTypes.stdin) return;
      const watched = watcher?.push(piece);
      const typed = watched?.pass ?? piece;
      if (typed.length > 0 && !stream.write(typed)) client.pause();
      if (watched?.detached === true) finish(encodeFrame(frameTypes.detached, nothing));
    },
    control(type, payload) {
      if (!over) control(type, payload);
    },
  });

  client.listen({
    data(chunk) {
      if (over) return;
      try {
        decoder.push(chunk);
      } catch (thrown) {
        const error =
          thrown instanceof TiffinError
            ? thrown
            : new TiffinError("internal", "api.fault", messageOf(thrown), { cause: thrown });
        finish(failedFrame(error));
      }
    },
    end() {
      if (!over) stream.end();
    },
    close() {
      over = true;
      stream.destroy();
    },
    drain: () => stream.resume(),
  });
  stream.listen({
    data(chunk) {
      if (over) return;
      if (!client.write(tty ? encodeFrame(frameTypes.stdout, chunk) : chunk)) stream.pause();
    },
    end: outputEnd,
    close: outputEnd,
    drain: () => client.resume(),
  });
  session.exited.then(
    (exited) => {
      exit = exited;
      tellExit();
    },
    (thrown: unknown) => {
      options.onFault(thrown);
      finish(failedFrame(new TiffinError("internal", "api.fault", messageOf(thrown), { cause: thrown })));
    },
  );
}
