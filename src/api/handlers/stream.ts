/** Routes whose answer is a process's output: attach, logs, exec start, and Tiffin's sessions. */
import { parseDetachKeys } from "../../docker/detach-keys.ts";
import { encodeJsonFrame, frameTypes } from "../../docker/framing.ts";
import { chooseStream } from "../../docker/messages.ts";
import type { RunStarted } from "../../docker/types/run.ts";
import { TiffinError } from "../../lib/errors.ts";
import { WebSocketDuplex } from "../../transport/websocket-duplex.ts";
import type { ContainerStreamBackend, ExecBackend, RunSession, Size } from "../backend.ts";
import type { Handlers, SessionAnswer } from "../handler.ts";
import { joinClient, sayFarewell } from "../join-client.ts";
import { failedFrame, joinSession } from "../join-session.ts";
import { renderLogs } from "../render-logs.ts";
import { asTiffinError } from "../status.ts";
import { withoutFrames } from "../unframed-stream.ts";

type Names =
  | "containerAttach"
  | "containerAttachWebsocket"
  | "containerLogs"
  | "execStart"
  | "run"
  | "execRun";

/**
 * Starts a session and answers with its first frame. A failed start is told inside the session too: a client has one
 * place to look for the exit code.
 */
async function openSession(
  detachKeys: Uint8Array,
  start: Promise<RunSession>,
  onFault: (error: unknown) => void,
): Promise<SessionAnswer> {
  let session: RunSession;
  try {
    session = await start;
  } catch (thrown) {
    const error = asTiffinError(thrown);
    if (error.kind === "internal") onFault(error);
    return { first: failedFrame(error), take: sayFarewell };
  }
  const started: RunStarted = { Id: session.id, Warnings: session.warnings, Trace: session.trace };
  return {
    first: encodeJsonFrame(frameTypes.started, started),
    take: (client) => joinSession(client, session, { detachKeys, onFault }),
  };
}

function sizeOf(consoleSize: readonly [number, number] | undefined): Size | undefined {
  return consoleSize === undefined ? undefined : { height: consoleSize[0], width: consoleSize[1] };
}

export function streamHandlers(
  containers: ContainerStreamBackend,
  execs: Pick<ExecBackend, "start" | "startDetached" | "run">,
  onFault: (error: unknown) => void,
): Pick<Handlers, Names> {
  return {
    containerAttach: async ({ params, query }) => {
      const detachKeys = parseDetachKeys(query.detachKeys ?? "");
      const stdin = query.stdin ?? false;
      const attached = await containers.attach(params.name, {
        stdin,
        stdout: query.stdout ?? false,
        stderr: query.stderr ?? false,
        logs: query.logs ?? false,
        stream: query.stream ?? false,
      });
      return {
        tty: attached.tty,
        take: (client) => joinClient(client, attached, { stdin, detachKeys }),
      };
    },
    containerAttachWebsocket: async ({ params, query }) => {
      const detachKeys = parseDetachKeys(query.detachKeys ?? "");
      // Before these three could be said, every stream was meant; that is still what none of them means.
      const { stdin, stdout, stderr } = query;
      const all = stdin === undefined && stdout === undefined && stderr === undefined;
      const attached = await containers.attach(params.name, {
        stdin: stdin ?? all,
        stdout: stdout ?? all,
        stderr: stderr ?? all,
        logs: query.logs ?? false,
        stream: query.stream ?? false,
      });
      const options = { stdin: stdin ?? all, detachKeys };
      return {
        tty: attached.tty,
        take: (client) => joinClient(new WebSocketDuplex(client), withoutFrames(attached), options),
      };
    },
    containerLogs: async ({ params, query, signal }) => {
      const stdout = query.stdout ?? false;
      const stderr = query.stderr ?? false;
      if (!stdout && !stderr) throw new TiffinError("invalid", "api.logs-no-stream", chooseStream());
      const reader = await containers.logs(
        params.name,
        {
          follow: query.follow ?? false,
          stdout,
          stderr,
          sinceNs: query.since,
          untilNs: query.until,
          tail: query.tail,
        },
        signal,
      );
      const wanted = { timestamps: query.timestamps ?? false, details: query.details ?? false };
      return { tty: reader.tty, bytes: renderLogs(reader, wanted) };
    },
    execStart: async ({ params, body }) => {
      const consoleSize = sizeOf(body.ConsoleSize);
      if (body.Detach === true) {
        await execs.startDetached(params.id, { consoleSize });
        return undefined;
      }
      const attached = await execs.start(params.id, { consoleSize });
      const detachKeys = parseDetachKeys(attached.detachKeys ?? "");
      return {
        tty: attached.tty,
        // Whether stdin is open was said at create; a stream without it ignores what is written.
        take: (client) => joinClient(client, attached, { stdin: true, detachKeys }),
      };
    },
    run: async ({ body }) =>
      await openSession(parseDetachKeys(body.detachKeys ?? ""), containers.run(body), onFault),
    execRun: async ({ params, body }) =>
      await openSession(
        parseDetachKeys(body.create.DetachKeys ?? ""),
        execs.run(params.name, body.create),
        onFault,
      ),
  };
}
