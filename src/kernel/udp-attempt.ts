/** A datagram that is sent from inside a network namespace, without a process there, and whatever comes back to it. */
import { errno } from "../linux/errno.ts";
import { addressFamilies, familyOf } from "../linux/netlink/ip-address.ts";
import { inNetns } from "./netlink/mod.ts";
import { OwnedFd } from "./owned-fd.ts";
import { SyscallError, syscall, trySyscall } from "./syscall.ts";

const datagramNonBlockingCloexec = 2 | 0o4000 | 0o2000000;
const dontWait = 0x40;
const receiveBytes = 64 * 1024;

/** struct sockaddr_in, or sockaddr_in6 for sixteen bytes. */
export function socketAddress(address: Uint8Array, port: number): Uint8Array {
  const isIpv4 = address.length === 4;
  const bytes = new Uint8Array(isIpv4 ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, familyOf(address), true);
  view.setUint16(2, port, false);
  bytes.set(address, isIpv4 ? 4 : 8);
  return bytes;
}

export class UdpAttempt implements Disposable {
  readonly #socket: OwnedFd;

  /** Undefined as `netns`: in this process's own. Throws `SyscallError` when the kernel has no way to there. */
  constructor(netns: OwnedFd | undefined, address: Uint8Array, port: number) {
    const what = `udp ${address.join(".")}:${port}`;
    const open = (): OwnedFd => {
      const family = address.length === 4 ? addressFamilies.inet : addressFamilies.inet6;
      return new OwnedFd(syscall("socket", what, family, datagramNonBlockingCloexec, 0), what);
    };
    this.#socket = netns === undefined ? open() : inNetns(netns, open);
    const there = socketAddress(address, port);
    try {
      syscall("connect", what, this.#socket.raw, there, there.length);
    } catch (thrown) {
      this.#socket[Symbol.dispose]();
      throw thrown;
    }
  }

  send(message: Uint8Array): void {
    syscall("sendto", this.#socket.what, this.#socket.raw, message, message.length, dontWait, 0, 0);
  }

  /** What has come back, or undefined so far. Throws `SyscallError`: ECONNREFUSED when nobody listens there. */
  look(): Uint8Array | undefined {
    const buffer = new Uint8Array(receiveBytes);
    const length = trySyscall("recvfrom", this.#socket.raw, buffer, buffer.length, dontWait, 0, 0);
    if (length >= 0) return buffer.slice(0, length);
    if (length === -errno.EAGAIN || length === -errno.EINTR) return undefined;
    throw new SyscallError("recvfrom", -length, this.#socket.what);
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}
