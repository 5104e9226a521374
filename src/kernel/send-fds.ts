/**
 * Bytes with file descriptors over a unix socket: sendmsg(2) and recvmsg(2) with SCM_RIGHTS. Descriptors are
 * only borrowed for sending; received ones are born CLOEXEC and owned by the caller.
 */
import { errno } from "../linux/errno.ts";
import { writeAll } from "./io.ts";
import { OwnedFd } from "./owned-fd.ts";
import { pollOut, waitFor } from "./poll.ts";
import { addressOf, inRange, SyscallError, trySyscall } from "./syscall.ts";

/** The kernel's own limit of descriptors in one message (SCM_MAX_FD). */
export const sentFdsLimit = 253;

const solSocket = 1;
const scmRights = 1;
const scmCredentials = 2;
/** Process, user and group. */
const credentialNumbers = 3;
const msgNosignal = 0x4000;
const msgCmsgCloexec = 0x4000_0000;
const msgCtrunc = 0x8;
const headerBytes = 56;
const controlHeaderBytes = 16;
const stalledPeerMs = 30_000;

interface Message {
  readonly header: Uint8Array;
  readonly view: DataView;
  /** Kept referenced: the header points at them. */
  readonly parts: readonly Uint8Array[];
}

/** struct msghdr with one iovec and `controlLength` bytes of control data. */
function message(data: Uint8Array, control: Uint8Array): Message {
  const vector = new Uint8Array(16);
  const vectorView = new DataView(vector.buffer);
  vectorView.setBigUint64(0, BigInt(addressOf(data)), true);
  vectorView.setBigUint64(8, BigInt(data.length), true);
  const header = new Uint8Array(headerBytes);
  const view = new DataView(header.buffer);
  view.setBigUint64(16, BigInt(addressOf(vector)), true);
  view.setBigUint64(24, 1n, true);
  view.setBigUint64(32, BigInt(addressOf(control)), true);
  view.setBigUint64(40, BigInt(control.length), true);
  return { header, view, parts: [vector, data, control] };
}

function alignedControlBytes(fdCount: number): number {
  return controlHeaderBytes + Math.ceil((fdCount * 4) / 8) * 8;
}

/**
 * Sends all of `bytes` (at least one); the descriptors travel with the first byte. Throws `SyscallError`: EPIPE
 * when the peer is gone, EAGAIN when it did not read for 30 s, ETOOMANYREFS when too many are in flight.
 */
export function sendWithFds(socket: OwnedFd, bytes: Uint8Array, fds: readonly (OwnedFd | number)[]): void {
  if (bytes.length === 0) throw new RangeError("descriptors need at least one byte to travel with");
  if (fds.length > sentFdsLimit) throw new RangeError(`${fds.length} descriptors, at most ${sentFdsLimit}`);
  if (fds.length === 0) {
    writeAll(socket, bytes);
    return;
  }
  const control = new Uint8Array(alignedControlBytes(fds.length));
  const view = new DataView(control.buffer);
  view.setBigUint64(0, BigInt(controlHeaderBytes + fds.length * 4), true);
  view.setInt32(8, solSocket, true);
  view.setInt32(12, scmRights, true);
  fds.forEach((fd, index) => {
    const number = typeof fd === "number" ? fd : fd.raw;
    view.setInt32(controlHeaderBytes + index * 4, inRange("i32", number, "sent fd"), true);
  });
  const sent = message(bytes, control);
  for (;;) {
    const taken = trySyscall("sendmsg", socket.raw, sent.header, msgNosignal);
    if (taken >= 0) {
      if (taken < bytes.length) writeAll(socket, bytes.subarray(taken));
      return;
    }
    if (taken === -errno.EAGAIN && waitFor(socket, pollOut, stalledPeerMs)) continue;
    if (taken !== -errno.EINTR) throw new SyscallError("sendmsg", -taken, socket.what);
  }
}

export interface ReceivedMessage {
  /** 0 is the end of the stream. */
  readonly length: number;
  /** The caller owns them. */
  readonly fds: OwnedFd[];
  /** The process that sent it, on a socket with SO_PASSCRED. */
  readonly sender?: number;
}

/**
 * One recvmsg(2) into `buffer` with up to `fdLimit` descriptors. More than that is an error (EMSGSIZE) and the
 * kernel has then dropped the surplus; those that came are closed. Throws EAGAIN on an empty non-blocking socket.
 */
export function receiveWithFds(socket: OwnedFd, buffer: Uint8Array, fdLimit: number): ReceivedMessage {
  return receive(socket, buffer, alignedControlBytes(Math.min(fdLimit, sentFdsLimit)), fdLimit);
}

/** The same on a socket that may have SO_PASSCRED. A few descriptors more than `fdLimit` may come. */
export function receiveWithSender(socket: OwnedFd, buffer: Uint8Array, fdLimit: number): ReceivedMessage {
  const room = alignedControlBytes(Math.min(fdLimit, sentFdsLimit)) + alignedControlBytes(credentialNumbers);
  return receive(socket, buffer, room, fdLimit);
}

function receive(
  socket: OwnedFd,
  buffer: Uint8Array,
  controlBytes: number,
  fdLimit: number,
): ReceivedMessage {
  const control = new Uint8Array(controlBytes);
  const received = message(buffer, control);
  let length = -errno.EINTR;
  while (length === -errno.EINTR) length = trySyscall("recvmsg", socket.raw, received.header, msgCmsgCloexec);
  if (length < 0) throw new SyscallError("recvmsg", -length, socket.what);
  const used = Number(received.view.getBigUint64(40, true));
  const fds: OwnedFd[] = [];
  let sender: number | undefined;
  for (const { type, numbers } of controlMessages(control, used)) {
    if (type === scmCredentials) sender = numbers[0];
    else if (type !== scmRights) continue;
    else for (const fd of numbers) fds.push(new OwnedFd(fd, `descriptor received over ${socket.what}`));
  }
  if ((received.view.getInt32(48, true) & msgCtrunc) !== 0) {
    for (const fd of fds) fd[Symbol.dispose]();
    throw new SyscallError("recvmsg", errno.EMSGSIZE, `${socket.what}: more than ${fdLimit} descriptors`);
  }
  return { length, fds, ...(sender !== undefined && { sender }) };
}

/** Those of the socket level, with their data as the numbers that it consists of. */
function* controlMessages(
  control: Uint8Array,
  usedBytes: number,
): Generator<{ readonly type: number; readonly numbers: readonly number[] }> {
  const view = new DataView(control.buffer);
  for (let at = 0; at + controlHeaderBytes <= usedBytes; ) {
    const bytes = Number(view.getBigUint64(at, true));
    if (bytes < controlHeaderBytes || at + bytes > usedBytes) return;
    const numbers: number[] = [];
    for (let one = at + controlHeaderBytes; one + 4 <= at + bytes; one += 4)
      numbers.push(view.getInt32(one, true));
    if (view.getInt32(at + 8, true) === solSocket) yield { type: view.getInt32(at + 12, true), numbers };
    at += Math.ceil(bytes / 8) * 8;
  }
}
