/**
 * A TCP connection that is being made from inside a network namespace, without a process there and without waiting: whoever
 * wants it looks now and then how far it is.
 */
import { errno } from "../linux/errno.ts";
import { familyOf } from "../linux/netlink/ip-address.ts";
import { inNetns } from "./netlink/mod.ts";
import { OwnedFd } from "./owned-fd.ts";
import { SyscallError, syscall, trySyscall } from "./syscall.ts";
import { socketAddress } from "./udp-attempt.ts";

const streamNonBlockingCloexec = 1 | 0o4000 | 0o2000000;

export class TcpAttempt implements Disposable {
  readonly #socket: OwnedFd;
  readonly #address: Uint8Array;

  /** `address`: four bytes, or sixteen. Undefined as `netns`: this process's own. Sends nothing before the first `look`. */
  constructor(netns: OwnedFd | undefined, address: Uint8Array, port: number) {
    const what = `tcp ${address.join(".")}:${port}`;
    this.#address = socketAddress(address, port);
    const open = (): OwnedFd =>
      new OwnedFd(syscall("socket", what, familyOf(address), streamNonBlockingCloexec, 0), what);
    this.#socket = netns === undefined ? open() : inNetns(netns, open);
  }

  /** Whether it is connected. Throws `SyscallError` once it has failed. */
  look(): boolean {
    const result = trySyscall("connect", this.#socket.raw, this.#address, this.#address.length);
    if (result === 0 || result === -errno.EISCONN) return true;
    if (result === -errno.EINPROGRESS || result === -errno.EALREADY) return false;
    throw new SyscallError("connect", -result, this.#socket.what);
  }

  /** Hands the connection over. */
  take(): OwnedFd {
    return new OwnedFd(this.#socket.take(), this.#socket.what);
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}
