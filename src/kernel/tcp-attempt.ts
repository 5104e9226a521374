/**
 * A TCP connection that is being made from inside a network namespace, without a process there and without waiting: whoever
 * wants it looks now and then how far it is.
 */
import { errno } from "../linux/errno.ts";
import { inNetns } from "./netlink/mod.ts";
import { OwnedFd } from "./owned-fd.ts";
import { SyscallError, syscall, trySyscall } from "./syscall.ts";

const afInet = 2;
const streamNonBlockingCloexec = 1 | 0o4000 | 0o2000000;
const addressBytes = 16;

export class TcpAttempt implements Disposable {
  readonly #socket: OwnedFd;
  readonly #address: Uint8Array;

  /** `address`: four bytes. Sends nothing before the first `look`. */
  constructor(netns: OwnedFd, address: Uint8Array, port: number) {
    const what = `tcp ${address.join(".")}:${port}`;
    this.#address = new Uint8Array(addressBytes);
    const view = new DataView(this.#address.buffer);
    view.setUint16(0, afInet, true);
    view.setUint16(2, port, false);
    this.#address.set(address.subarray(0, 4), 4);
    this.#socket = inNetns(
      netns,
      () => new OwnedFd(syscall("socket", what, afInet, streamNonBlockingCloexec, 0), what),
    );
  }

  /** Whether it is connected. Throws `SyscallError` once it has failed. */
  look(): boolean {
    const result = trySyscall("connect", this.#socket.raw, this.#address, addressBytes);
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
