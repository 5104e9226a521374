/** Datagrams to a socket of this machine that has a path: /dev/log, the journal. unix(7), sendto(2) */
import { errno } from "../linux/errno.ts";
import { OwnedFd } from "./owned-fd.ts";
import { SyscallError, syscall, trySyscall } from "./syscall.ts";

const afUnix = 1;
const datagramCloseOnExec = 2 | 0o2000000;
const noSignal = 0x4000;
const dontWait = 0x40;
const pathLimit = 107;

export class DatagramTarget implements Disposable {
  readonly #socket: OwnedFd;
  readonly #path: string;

  /** Throws `SyscallError` when nobody is there. */
  constructor(path: string) {
    const bytes = new TextEncoder().encode(path);
    if (bytes.length > pathLimit) throw new SyscallError("connect", errno.ENAMETOOLONG, path);
    this.#path = path;
    this.#socket = new OwnedFd(syscall("socket", path, afUnix, datagramCloseOnExec, 0), path);
    const address = new Uint8Array(2 + pathLimit + 1);
    address[0] = afUnix;
    address.set(bytes, 2);
    try {
      syscall("connect", path, this.#socket.raw, address, address.byteLength);
    } catch (thrown) {
      this.#socket[Symbol.dispose]();
      throw thrown;
    }
  }

  /** Throws `SyscallError`, EAGAIN among them when the receiver is behind. */
  send(message: Uint8Array): void {
    const sent = trySyscall(
      "sendto",
      this.#socket.raw,
      message,
      message.byteLength,
      noSignal | dontWait,
      0,
      0,
    );
    if (sent < 0) throw new SyscallError("sendto", -sent, this.#path);
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}
