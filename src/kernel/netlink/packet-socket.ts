/** Sends whole Ethernet frames by a link. It belongs to the network namespace that it is opened in. packet(7) */
import { close } from "node:fs";
import { OwnedFd } from "../owned-fd.ts";
import { inRange, syscall } from "../syscall.ts";

const afPacket = 17;
const sockRawCloexec = 3 | 0o2000000;
/** struct sockaddr_ll */
const addressBytes = 20;
const linkIndexAt = 4;

export class PacketSocket {
  readonly #socket: OwnedFd;

  private constructor(socket: OwnedFd) {
    this.#socket = socket;
  }

  /** With protocol 0 it receives nothing. */
  static open(): PacketSocket {
    const what = "packet socket";
    return new PacketSocket(new OwnedFd(syscall("socket", what, afPacket, sockRawCloexec, 0), what));
  }

  send(linkIndex: number, frame: Uint8Array): void {
    const address = new Uint8Array(addressBytes);
    const view = new DataView(address.buffer);
    view.setUint16(0, afPacket, true);
    view.setInt32(linkIndexAt, inRange("i32", linkIndex, "link index"), true);
    syscall("sendto", this.#socket.what, this.#socket.raw, frame, frame.length, 0, address, addressBytes);
  }

  /** On another thread: the kernel waits until nobody can be using such a socket any more, for tens of milliseconds. */
  [Symbol.dispose](): void {
    close(this.#socket.take(), () => undefined);
  }
}
