/** The runtime: a pool of executors and the sockets of the supervisors that came out of it. */
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { ExecutorPool } from "./executor-pool.ts";
import { openUserNamespace } from "./id-maps/mod.ts";
import { launch } from "./launch.ts";
import { isListening, listTokens, removeSocket } from "./listener-socket.ts";
import { reconnect } from "./reconnect.ts";
import type { Runtime, RuntimeOptions } from "./supervised-process.ts";

/** It takes milliseconds; a network file system may take its time. */
const defaultStartLimitMs = 60_000;

/** Opens the runtime of one engine. Nothing is started until `warm` or `launch`. */
export function openRuntime(options: RuntimeOptions): Runtime {
  const socketDirectory = `${options.runDirectory}/s`;
  const pool = new ExecutorPool(socketDirectory, options.executor);
  const context = { pool, socketDirectory, startLimitMs: options.startLimitMs ?? defaultStartLimitMs };
  const userNamespaces = new Map<string, Promise<OwnedFd>>();
  return {
    warm: (count) => pool.warm(count),
    launch: (request) => launch(context, request),
    reconnect: (token, known = {}) => reconnect(socketDirectory, token, known),
    tokens: () => listTokens(socketDirectory),
    sweep(claimed) {
      for (const token of listTokens(socketDirectory)) {
        if (claimed.has(token) || pool.owns(token) || isListening(socketDirectory, token)) continue;
        removeSocket(socketDirectory, token);
      }
    },
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
