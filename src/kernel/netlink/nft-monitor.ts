/**
 * Tells of changes that anybody makes to nftables in the network namespace in which it was opened. It costs nothing while
 * nothing changes: the kernel wakes the program. NETLINK_ADD_MEMBERSHIP, netlink(7)
 */
import { errno } from "../../linux/errno.ts";
import { decodeMessages, NetlinkDecodeError } from "../../linux/netlink/message.ts";
import { decodeChange, type NftChange } from "../../linux/netlink/nftables/change.ts";
import { OwnedFd } from "../owned-fd.ts";
import { becomesReadable } from "../readable.ts";
import { SyscallError, syscall, trySyscall } from "../syscall.ts";

const afNetlink = 16;
const socketType = 3 | 0o2000000 | 0o4000;
const netfilter = 12;
const solNetlink = 270;
const addMembership = 1;
const nftablesGroup = 7;
const addressBytes = 12;
const receiveBytes = 256 * 1024;
const epollCloexec = 0o2000000;
const epollAdd = 1;
const epollIn = 1;
const epollEventBytes = 12;

export type NftChanges =
  | readonly NftChange[]
  /** There were so many that some are lost. */
  | "unknown";

export class NftMonitor implements Disposable {
  readonly #socket: OwnedFd;
  readonly #ready: OwnedFd;
  readonly #stop = new AbortController();

  private constructor(socket: OwnedFd, ready: OwnedFd) {
    this.#socket = socket;
    this.#ready = ready;
  }

  /** `failed` is told why it tells of nothing any more. Throws `SyscallError`. */
  static open(changed: (changes: NftChanges) => void, failed: (thrown: unknown) => void): NftMonitor {
    const what = "nftables monitor";
    const socket = new OwnedFd(syscall("socket", what, afNetlink, socketType, netfilter), what);
    try {
      const address = new Uint8Array(addressBytes);
      new DataView(address.buffer).setUint16(0, afNetlink, true);
      syscall("bind", what, socket.raw, address, addressBytes);
      syscall("setsockopt", what, socket.raw, solNetlink, addMembership, Int32Array.of(nftablesGroup), 4);
      const monitor = new NftMonitor(socket, pollOnly(socket));
      monitor.#run(changed).catch((thrown: unknown) => {
        if (!monitor.#stop.signal.aborted) failed(thrown);
      });
      return monitor;
    } catch (thrown) {
      socket[Symbol.dispose]();
      throw thrown;
    }
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#ready[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
  }

  async #run(changed: (changes: NftChanges) => void): Promise<void> {
    const buffer = new Uint8Array(receiveBytes);
    while (await becomesReadable(this.#ready, this.#stop.signal)) changed(receiveAll(this.#socket, buffer));
  }
}

/** A descriptor that is readable when `socket` is and cannot be read itself, as Bun would, and take the messages away. */
function pollOnly(socket: OwnedFd): OwnedFd {
  const ready = new OwnedFd(syscall("epoll_create1", socket.what, epollCloexec), socket.what);
  try {
    const event = new Uint8Array(epollEventBytes);
    new DataView(event.buffer).setUint32(0, epollIn, true);
    syscall("epoll_ctl", socket.what, ready.raw, epollAdd, socket.raw, event);
    return ready;
  } catch (thrown) {
    ready[Symbol.dispose]();
    throw thrown;
  }
}

function receiveAll(socket: OwnedFd, buffer: Uint8Array): NftChanges {
  const changes: NftChange[] = [];
  let isComplete = true;
  for (;;) {
    const bytes = trySyscall("recvfrom", socket.raw, buffer, buffer.length, 0, 0, 0);
    if (bytes === -errno.EINTR) continue;
    if (bytes === -errno.EAGAIN) break;
    if (bytes === -errno.ENOBUFS) isComplete = false;
    else if (bytes < 0) throw new SyscallError("recvfrom", -bytes, socket.what);
    else {
      try {
        changes.push(
          ...decodeMessages(buffer.subarray(0, bytes)).flatMap((each) => decodeChange(each) ?? []),
        );
      } catch (thrown) {
        if (!(thrown instanceof NetlinkDecodeError)) throw thrown;
        isComplete = false;
      }
    }
  }
  return isComplete ? changes : "unknown";
}
