/**
 * Sockets for tests that must live in a given network namespace: a socket belongs to the namespace in which it was
 * made and works from anywhere, so one thread can be server, client and router at once. All calls block, bounded by
 * `timeoutMs`; results are errno names where that is what a test wants to know.
 */
import { inNetns } from "../../../kernel/netlink/mod.ts";
import { OwnedFd } from "../../../kernel/owned-fd.ts";
import { SyscallError, syscall } from "../../../kernel/syscall.ts";
import { formatIpv4, ipv4Bytes, ipv4FromBytes, parseIpv4 } from "../../../linux/netlink/ipv4.ts";

const timeoutMs = 700;
const types = { tcp: 1, udp: 2 } as const;
const solSocket = 1;
const options = { reuseAddress: 2, receiveTimeout: 20, sendTimeout: 21 } as const;

export interface Peer {
  readonly address: string;
  readonly port: number;
}

function encodePeer({ address, port }: Peer): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set([2, 0, port >>> 8, port & 0xff]);
  bytes.set(ipv4Bytes(parseIpv4(address) ?? 0), 4);
  return bytes;
}

function decodePeer(bytes: Uint8Array): Peer {
  return {
    address: formatIpv4(ipv4FromBytes(bytes.subarray(4, 8)) ?? 0),
    port: ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0),
  };
}

export class RawSocket implements Disposable {
  readonly #fd: OwnedFd;

  constructor(fd: OwnedFd) {
    this.#fd = fd;
  }

  /** In the namespace, or in the thread's own when it is undefined. */
  static open(netns: OwnedFd | undefined, type: keyof typeof types): RawSocket {
    const make = () => new OwnedFd(syscall("socket", type, 2, types[type] | 0o2000000, 0), type);
    const fd = netns === undefined ? make() : inNetns(netns, make);
    const time = new BigUint64Array([0n, BigInt(timeoutMs) * 1000n]);
    syscall("setsockopt", type, fd.raw, solSocket, options.receiveTimeout, time, 16);
    syscall("setsockopt", type, fd.raw, solSocket, options.sendTimeout, time, 16);
    return new RawSocket(fd);
  }

  bind(peer: Peer): this {
    syscall("setsockopt", "reuse", this.#fd.raw, solSocket, options.reuseAddress, Int32Array.of(1), 4);
    syscall("bind", `${peer.address}:${peer.port}`, this.#fd.raw, encodePeer(peer), 16);
    return this;
  }

  listen(): this {
    syscall("listen", "listen", this.#fd.raw, 16);
    return this;
  }

  connect(peer: Peer): this {
    syscall("connect", `${peer.address}:${peer.port}`, this.#fd.raw, encodePeer(peer), 16);
    return this;
  }

  accept(): { readonly connection: RawSocket; readonly from: Peer } {
    const address = new Uint8Array(16);
    const fd = syscall("accept4", "accept", this.#fd.raw, address, Uint32Array.of(16), 0o2000000);
    return { connection: new RawSocket(new OwnedFd(fd, "connection")), from: decodePeer(address) };
  }

  sendTo(text: string, peer: Peer): void {
    const bytes = new TextEncoder().encode(text);
    syscall("sendto", "sendto", this.#fd.raw, bytes, bytes.length, 0, encodePeer(peer), 16);
  }

  send(text: string): void {
    const bytes = new TextEncoder().encode(text);
    syscall("sendto", "send", this.#fd.raw, bytes, bytes.length, 0, 0, 0);
  }

  receive(): { readonly text: string; readonly from: Peer } {
    const bytes = new Uint8Array(2048);
    const address = new Uint8Array(16);
    const length = syscall(
      "recvfrom",
      "receive",
      this.#fd.raw,
      bytes,
      bytes.length,
      0,
      address,
      Uint32Array.of(16),
    );
    return { text: new TextDecoder().decode(bytes.subarray(0, length)), from: decodePeer(address) };
  }

  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }
}

/** A listening TCP server. */
export function serveTcp(netns: OwnedFd | undefined, port: number, address = "0.0.0.0"): RawSocket {
  return RawSocket.open(netns, "tcp").bind({ address, port }).listen();
}

/** Connects, says hello, lets the server answer. Returns whom the server saw, or the errno's name. */
export function tryTcp(netns: OwnedFd | undefined, to: Peer, server: RawSocket): string {
  using client = RawSocket.open(netns, "tcp");
  try {
    client.connect(to);
    client.send("hello");
    const { connection, from } = server.accept();
    using answering = connection;
    if (answering.receive().text !== "hello") return "wrong question";
    answering.send("world");
    return client.receive().text === "world" ? from.address : "wrong answer";
  } catch (thrown) {
    if (thrown instanceof SyscallError) return thrown.code;
    throw thrown;
  }
}

/** The errno's name of a connect that nobody may answer, or `connected`. */
export function connectOutcome(netns: OwnedFd | undefined, to: Peer): string {
  using client = RawSocket.open(netns, "tcp");
  try {
    client.connect(to);
    return "connected";
  } catch (thrown) {
    if (thrown instanceof SyscallError) return thrown.code;
    throw thrown;
  }
}

/** The text that arrives within the time limit, or the errno's name. */
export function receiveOutcome(socket: RawSocket): string {
  try {
    return socket.receive().text;
  } catch (thrown) {
    if (thrown instanceof SyscallError) return thrown.code;
    throw thrown;
  }
}
