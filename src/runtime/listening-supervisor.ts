/** The process behind a listener socket, for when it must be told something that it does not hear. */
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { peerOf } from "../kernel/peer.ts";
import { signalPidfd } from "../kernel/pidfd.ts";
import { pollHangup, waitFor } from "../kernel/poll.ts";
import { signalNumbers } from "../linux/signals.ts";
import { connectSupervisor, listTokens } from "./listener-socket.ts";

/** The process at the other end, for when it does not answer. */
export interface Supervisor extends Disposable {
  /** As the host sees it; undefined where it cannot be known. */
  readonly pid: number | undefined;
  signal(number: number): void;
}

/** Who listens at the other end of a new connection. */
export function supervisorOf(connection: OwnedFd): Supervisor {
  const peer = peerOf(connection);
  // Found by its number alone: believed if the socket that it alone has open was open afterwards.
  if (peer?.mustProve === true && waitFor(connection, pollHangup, 0)) peer[Symbol.dispose]();
  return {
    pid: peer?.pid,
    signal(number) {
      if (peer?.pidfd.open === true) signalPidfd(peer.pidfd, number);
    },
    [Symbol.dispose]: () => peer?.[Symbol.dispose](),
  };
}

/**
 * Lets all supervisors go on. The end of a PID namespace waits until each process in it has been reaped, an exec's by its
 * own supervisor: if that is stopped, a container that was killed does not end. For one that runs it means nothing.
 */
export function wakeSupervisors(socketDirectory: string): void {
  for (const token of listTokens(socketDirectory)) {
    const connection = connectSupervisor(socketDirectory, token);
    if (connection === "gone" || connection === "busy") continue;
    using socket = connection;
    using supervisor = supervisorOf(socket);
    supervisor.signal(signalNumbers.SIGCONT);
  }
}
