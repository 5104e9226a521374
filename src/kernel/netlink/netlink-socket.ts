/**
 * A netlink socket, strictly synchronous: the kernel works a request off inside sendto(2), so the answers are
 * there when it returns and nothing is ever waited for. Only the kernel's own datagrams (port 0) with a sequence
 * number of the current exchange count; others are skipped. A socket belongs to the network namespace in which
 * it was opened and keeps speaking to that one. netlink(7)
 */
import { close, write } from "node:fs";
import { errno } from "../../linux/errno.ts";
import { decodeAcknowledgement } from "../../linux/netlink/acknowledgement.ts";
import { netlinkLimits } from "../../linux/netlink/limits.ts";
import {
  decodeMessages,
  encodeRequests,
  MessageWriter,
  messageFlags,
  messageTypes,
  type NetlinkMessage,
  type NetlinkRequest,
} from "../../linux/netlink/message.ts";
import { OwnedFd } from "../owned-fd.ts";
import { SyscallError, syscall, trySyscall } from "../syscall.ts";
import { NetlinkError } from "./netlink-error.ts";

const afNetlink = 16;
const sockRaw = 3;
const sockCloexec = 0o2000000;
const protocols = { route: 0, netfilter: 12 } as const;
const solSocket = 1;
const solNetlink = 270;
const socketOptions = { receiveTimeout: 20, sendBufferForce: 32, receiveBufferForce: 33 } as const;
const netlinkOptions = { capAck: 10, extAck: 11, strictCheck: 12 } as const;
const getInterfaceIndex = 0x8933;
const interfaceRequestBytes = 40;
const interfaceNameBytes = 16;
const longestLinkName = interfaceNameBytes - 1;
const msgTrunc = 0x20;
const msgDontwait = 0x40;
/** Nothing legitimate takes this long; a kernel that does not answer must not stop the engine for good. */
const receiveTimeoutSeconds = 5;
const bufferBytes = 4 * 1024 * 1024;
/** Acknowledgements of one exchange must fit the receive buffer however small it had to stay. */
const requestsPerExchange = 64;

/** Shared by all sockets: every exchange is over, and its messages decoded, before the next one begins. */
const writer = new MessageWriter();
const receiveBuffer = new Uint8Array(netlinkLimits.receiveBytes);
const senderAddress = new Uint8Array(12);
const senderView = new DataView(senderAddress.buffer);
const senderLength = new Uint32Array(1);

export class NetlinkSocket implements Disposable {
  readonly #fd: OwnedFd;
  #sequence = 1;

  private constructor(fd: OwnedFd) {
    this.#fd = fd;
  }

  /** Opens a socket in the calling thread's network namespace. */
  static open(protocol: keyof typeof protocols): NetlinkSocket {
    const what = `netlink ${protocol} socket`;
    const fd = new OwnedFd(
      syscall("socket", what, afNetlink, sockRaw | sockCloexec, protocols[protocol]),
      what,
    );
    try {
      const on = Int32Array.of(1);
      for (const option of Object.values(netlinkOptions)) {
        // Old kernels lack strict checking or extended acks: then there is less text, never a wrong result.
        trySyscall("setsockopt", fd.raw, solNetlink, option, on, 4);
      }
      const size = Int32Array.of(bufferBytes);
      trySyscall("setsockopt", fd.raw, solSocket, socketOptions.sendBufferForce, size, 4);
      trySyscall("setsockopt", fd.raw, solSocket, socketOptions.receiveBufferForce, size, 4);
      const timeout = new BigUint64Array([BigInt(receiveTimeoutSeconds), 0n]);
      syscall("setsockopt", what, fd.raw, solSocket, socketOptions.receiveTimeout, timeout, 16);
      return new NetlinkSocket(fd);
    } catch (thrown) {
      fd[Symbol.dispose]();
      throw thrown;
    }
  }

  /** Performs the requests in order, as few system calls as possible. Throws the first `NetlinkError`. */
  execute(requests: readonly NetlinkRequest[]): void {
    const failure = this.executeEach(requests).find((outcome) => outcome !== undefined);
    if (failure !== undefined) throw failure;
  }

  /** Like `execute`, with every outcome: a later request is performed although an earlier one failed. */
  executeEach(requests: readonly NetlinkRequest[]): (NetlinkError | undefined)[] {
    const outcomes: (NetlinkError | undefined)[] = [];
    for (let start = 0; start < requests.length; start += requestsPerExchange) {
      this.#exchange(requests.slice(start, start + requestsPerExchange), start, outcomes);
    }
    return outcomes;
  }

  /**
   * On another thread, and this socket is closed afterwards: for what the kernel takes long to finish once it is done. No answer is
   * read; who needs one looks whether it is as it should be.
   */
  performElsewhere(request: NetlinkRequest): void {
    const bytes = Uint8Array.from(encodeRequests([request], this.#sequence, writer));
    const fd = this.#fd.take();
    write(fd, bytes, 0, bytes.length, null, () => close(fd, () => undefined));
  }

  /** Closes it on another thread: the kernel waits for what was changed by it to be all over. */
  closeElsewhere(): void {
    close(this.#fd.take(), () => undefined);
  }

  #exchange(
    requests: readonly NetlinkRequest[],
    start: number,
    outcomes: (NetlinkError | undefined)[],
  ): void {
    const first = this.#send(requests);
    let missing = requests.length;
    while (missing > 0) {
      for (const message of this.#receive(requests[0]?.object ?? "")) {
        if (message.type !== messageTypes.error) continue;
        const index = (message.sequence - first) >>> 0;
        const request = requests[index];
        if (request === undefined) continue;
        const { errno: number, text } = decodeAcknowledgement(message);
        outcomes[start + index] =
          number === 0 ? undefined : new NetlinkError(number, request.object, text, start + index);
        missing -= 1;
      }
    }
  }

  /** One object: the decoded answer to a get request. Throws `NetlinkError` (ENODEV, ENOENT: there is none). */
  get<T>(request: NetlinkRequest, decode: (message: NetlinkMessage) => T): T {
    const sequence = this.#send([request]);
    for (;;) {
      for (const message of this.#receive(request.object)) {
        if (message.sequence !== sequence) continue;
        if (message.type !== messageTypes.error) return decode(message);
        const { errno: number, text } = decodeAcknowledgement(message);
        throw new NetlinkError(number === 0 ? errno.EBADMSG : number, request.object, text, 0);
      }
    }
  }

  /**
   * A consistent dump: begun again when the kernel marks it as interrupted by a change. `decode` returns undefined
   * for what it does not want.
   */
  dump<T>(request: NetlinkRequest, decode: (message: NetlinkMessage) => T | undefined): T[] {
    for (let attempt = 0; attempt < netlinkLimits.dumpAttempts; attempt += 1) {
      const found = this.#dumpOnce(request, decode);
      if (found !== undefined) return found;
    }
    throw new NetlinkError(errno.EINTR, request.object, "the dump was interrupted by changes every time", 0);
  }

  #dumpOnce<T>(request: NetlinkRequest, decode: (message: NetlinkMessage) => T | undefined): T[] | undefined {
    const sequence = this.#send([request]);
    const found: T[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of this.#receive(request.object)) {
        if (message.sequence !== sequence) continue;
        interrupted ||= (message.flags & messageFlags.dumpInterrupted) !== 0;
        if (message.type === messageTypes.done || message.type === messageTypes.error) {
          const { errno: number, text } = decodeAcknowledgement(message);
          if (number !== 0) throw new NetlinkError(number, request.object, text, 0);
          return interrupted ? undefined : found;
        }
        const item = decode(message);
        if (item !== undefined) found.push(item);
        if (found.length > netlinkLimits.dumpMessages) {
          throw new NetlinkError(errno.E2BIG, request.object, "the dump has too many messages", 0);
        }
      }
    }
  }

  /**
   * Sends everything as one datagram and takes what answers there are: for batches (nftables), where only failures
   * and the requests that ask for it are acknowledged. Throws the first failure.
   */
  transact(requests: readonly NetlinkRequest[]): void {
    const first = this.#send(requests);
    let acknowledged = false;
    let failure: NetlinkError | undefined;
    for (let datagram = this.#tryReceive(); datagram !== undefined; datagram = this.#tryReceive()) {
      for (const message of decodeMessages(datagram)) {
        const index = (message.sequence - first) >>> 0;
        if (message.type !== messageTypes.error || index >= requests.length) continue;
        acknowledged = true;
        const { errno: number, text } = decodeAcknowledgement(message);
        if (number !== 0) failure ??= new NetlinkError(number, requests[index]?.object ?? "", text, index);
      }
    }
    if (failure !== undefined) throw failure;
    if (!acknowledged) {
      throw new NetlinkError(errno.EBADMSG, requests[0]?.object ?? "batch", "the kernel did not answer", 0);
    }
  }

  /**
   * The index of the link of that name in the socket's namespace, undefined when there is none; asked without the lock that whoever
   * changes links holds for as long as the kernel takes over it. netdevice(7)
   */
  indexNow(link: string): number | undefined {
    const request = new Uint8Array(interfaceRequestBytes);
    const name = new TextEncoder().encode(link);
    if (name.length > longestLinkName) return undefined;
    request.set(name);
    const result = trySyscall("ioctl", this.#fd.raw, getInterfaceIndex, request);
    if (result >= 0) return new DataView(request.buffer).getInt32(interfaceNameBytes, true);
    if (result === -errno.ENODEV) return undefined;
    throw new SyscallError("ioctl", -result, `link ${link}`);
  }

  /** The kernel's name for this socket: who made a change, to those who are told of it. */
  get port(): number {
    const length = Uint32Array.of(senderAddress.length);
    syscall("getsockname", this.#fd.what, this.#fd.raw, senderAddress, length);
    return senderView.getUint32(4, true);
  }

  [Symbol.dispose](): void {
    this.#fd[Symbol.dispose]();
  }

  /** Returns the sequence number of the first request. */
  #send(requests: readonly NetlinkRequest[]): number {
    const first = this.#sequence;
    this.#sequence = (first + requests.length) % 0x8000_0000;
    const bytes = encodeRequests(requests, first, writer);
    syscall("sendto", requests[0]?.object ?? this.#fd.what, this.#fd.raw, bytes, bytes.length, 0, 0, 0);
    return first;
  }

  #receive(object: string): NetlinkMessage[] {
    for (;;) {
      const bytes = this.#receiveBytes(0);
      if (bytes > 0) return decodeMessages(receiveBuffer.subarray(0, bytes));
      if (bytes < 0) throw new SyscallError("recvfrom", -bytes, object);
    }
  }

  #tryReceive(): Uint8Array | undefined {
    for (;;) {
      const bytes = this.#receiveBytes(msgDontwait);
      if (bytes === -errno.EAGAIN) return undefined;
      if (bytes < 0) throw new SyscallError("recvfrom", -bytes, this.#fd.what);
      if (bytes > 0) return receiveBuffer.subarray(0, bytes);
    }
  }

  /** Bytes of a datagram from the kernel, 0 for one of another sender, or minus errno. */
  #receiveBytes(flags: number): number {
    senderLength[0] = senderAddress.length;
    const capacity = receiveBuffer.length;
    for (;;) {
      const bytes = trySyscall(
        "recvfrom",
        this.#fd.raw,
        receiveBuffer,
        capacity,
        flags | msgTrunc,
        senderAddress,
        senderLength,
      );
      if (bytes === -errno.EINTR) continue;
      if (bytes < 0) return bytes;
      // MSG_TRUNC reports the real length: a longer one means that the rest is lost.
      if (bytes > capacity) return -errno.EMSGSIZE;
      return senderView.getUint32(4, true) === 0 ? bytes : 0;
    }
  }
}
