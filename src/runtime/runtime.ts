/** The runtime: a pool of executors and the sockets of the supervisors that came out of it. */
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { pause } from "../lib/timer.ts";
import { connectDuplex } from "../transport/bun-duplex.ts";
import { ControlChannel, type MessageFields } from "./control-channel.ts";
import { ExecutorPool } from "./executor-pool.ts";
import { launch } from "./launch.ts";
import { connectSupervisor, listTokens, removeSocket } from "./listener-socket.ts";
import type { Runtime, RuntimeOptions, SupervisedProcess } from "./supervised-process.ts";
import { superviseOver } from "./supervisor-connection.ts";
import { openUserNamespace } from "./user-namespace.ts";

/** Phases of an executor as its `status` message numbers them. */
const phaseRunning = 2;
const startingPauseMs = 10;
const startingLimit = 1000;

/** Opens the runtime of one engine. Nothing is started until `warm` or `launch`. */
export function openRuntime(options: RuntimeOptions): Runtime {
  const socketDirectory = `${options.runDirectory}/s`;
  const pool = new ExecutorPool(socketDirectory, options.executor);
  const context = { pool, socketDirectory };
  const userNamespaces = new Map<string, Promise<OwnedFd>>();
  return {
    warm: (count) => pool.warm(count),
    launch: (request) => launch(context, request),
    reconnect: (token, recordPath) => reconnect(socketDirectory, token, recordPath),
    tokens: () => listTokens(socketDirectory),
    forget: (token) => removeSocket(socketDirectory, token),
    userNamespace(name) {
      const known = userNamespaces.get(name);
      if (known !== undefined) return known;
      const opening = openUserNamespace((request) => launch(context, request), name);
      userNamespaces.set(name, opening);
      opening.catch(() => userNamespaces.delete(name));
      return opening;
    },
    close() {
      pool.close();
      for (const opening of userNamespaces.values()) {
        opening.then(
          (fd) => fd[Symbol.dispose](),
          () => {},
        );
      }
      userNamespaces.clear();
    },
  };
}

async function reconnect(
  socketDirectory: string,
  token: string,
  recordPath: string | undefined,
): Promise<SupervisedProcess | undefined> {
  const fd = connectSupervisor(socketDirectory, token);
  if (fd === undefined) return undefined;
  const channel = new ControlChannel(await connectDuplex({ fd: fd.take() }));
  const status = await settledStatus(channel);
  if (status === undefined) {
    channel.close();
    return undefined;
  }
  return superviseOver({
    channel,
    socketDirectory,
    token,
    pid: status.pid,
    startedAtNs: status.startedAtNs,
    ...(recordPath === undefined ? {} : { recordPath }),
  });
}

/**
 * The status of an executor that has started its process. One that is still starting (its engine died in between)
 * is asked again; undefined when it gives up.
 */
async function settledStatus(channel: ControlChannel): Promise<MessageFields<"status"> | undefined> {
  for (let asked = 0; asked < startingLimit; asked += 1) {
    const status = await askStatus(channel);
    if (status === undefined || status.phase >= phaseRunning) return status;
    await pause(startingPauseMs);
  }
  return undefined;
}

function askStatus(channel: ControlChannel): Promise<MessageFields<"status"> | undefined> {
  const { promise, resolve } = Promise.withResolvers<MessageFields<"status"> | undefined>();
  channel.listen({
    message(message) {
      if (message.name !== "status") return;
      channel.hold();
      resolve(message.fields);
    },
    closed: () => resolve(undefined),
  });
  channel.send("query", {});
  return promise;
}
