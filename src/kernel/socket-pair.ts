/** Connected unix socket pairs, CLOEXEC from birth. */
import { OwnedFd } from "./owned-fd.ts";
import { syscall } from "./syscall.ts";

const afUnix = 1;
const sockCloexec = 0o2000000;
const sockNonblock = 0o4000;
const types = { stream: 1, datagram: 2, seqpacket: 5 } as const;

export interface SocketPairOptions {
  readonly type?: keyof typeof types;
  /** Both ends in non-blocking mode. */
  readonly nonblocking?: boolean;
}

/** socketpair(2): two ends of one unix connection, a stream unless said otherwise. */
export function socketPair(what: string, options: SocketPairOptions = {}): [OwnedFd, OwnedFd] {
  const pair = new Int32Array(2);
  const type =
    types[options.type ?? "stream"] | sockCloexec | (options.nonblocking === true ? sockNonblock : 0);
  syscall("socketpair", what, afUnix, type, 0, pair);
  return [new OwnedFd(pair[0] ?? -1, what), new OwnedFd(pair[1] ?? -1, what)];
}
