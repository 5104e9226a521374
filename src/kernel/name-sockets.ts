/**
 * Sockets of both protocols at one port of an address, maybe in another network namespace. Whoever holds them answers there
 * without being there, and they keep the namespace: it goes once they are closed. bind(2)
 */
import { ipv4Bytes } from "../linux/netlink/ipv4.ts";
import { inNetns } from "./netlink/mod.ts";
import { OwnedFd } from "./owned-fd.ts";
import { SyscallError, syscall } from "./syscall.ts";

const afInet = 2;
const stream = 1;
const datagram = 2;
const cloexecNonblock = 0o2000000 | 0o4000;
const addressBytes = 16;
const backlog = 128;
const mostTries = 5;

export interface NameSockets extends Disposable {
  readonly udp: OwnedFd;
  readonly tcp: OwnedFd;
  /** The kernel's choice, free for both. */
  readonly port: number;
}

/** In the calling thread's namespace when none is given. Throws `SyscallError`. */
export function openNameSockets(netns: OwnedFd | undefined, address: number): NameSockets {
  for (let tries = 1; ; tries += 1) {
    try {
      return netns === undefined ? openOnce(address) : inNetns(netns, () => openOnce(address));
    } catch (thrown) {
      // Free for datagrams is not free for streams.
      const isTaken = thrown instanceof SyscallError && thrown.code === "EADDRINUSE";
      if (!isTaken || tries === mostTries) throw thrown;
    }
  }
}

function openOnce(address: number): NameSockets {
  const udp = bound(datagram, address, 0);
  try {
    const port = portOf(udp);
    const tcp = bound(stream, address, port);
    try {
      syscall("listen", tcp.what, tcp.raw, backlog);
    } catch (thrown) {
      tcp[Symbol.dispose]();
      throw thrown;
    }
    return {
      udp,
      tcp,
      port,
      [Symbol.dispose]() {
        udp[Symbol.dispose]();
        tcp[Symbol.dispose]();
      },
    };
  } catch (thrown) {
    udp[Symbol.dispose]();
    throw thrown;
  }
}

function bound(type: number, address: number, port: number): OwnedFd {
  const what = "name server";
  const socket = new OwnedFd(syscall("socket", what, afInet, type | cloexecNonblock, 0), what);
  try {
    const where = new Uint8Array(addressBytes);
    const view = new DataView(where.buffer);
    view.setUint16(0, afInet, true);
    view.setUint16(2, port, false);
    where.set(ipv4Bytes(address), 4);
    syscall("bind", what, socket.raw, where, addressBytes);
    return socket;
  } catch (thrown) {
    socket[Symbol.dispose]();
    throw thrown;
  }
}

function portOf(socket: OwnedFd): number {
  const bytes = new Uint8Array(addressBytes);
  syscall("getsockname", socket.what, socket.raw, bytes, Uint32Array.of(addressBytes));
  return new DataView(bytes.buffer).getUint16(2, false);
}
