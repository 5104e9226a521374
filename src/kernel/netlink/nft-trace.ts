/**
 * Has the kernel tell which rules a packet meets in a network namespace. The rules that choose the packet are in a table that belongs to
 * this socket: the kernel takes it away with the socket, whatever ends this program. NFT_TABLE_F_OWNER, nft(8)
 */
import { errno } from "../../linux/errno.ts";
import { decodeMessages } from "../../linux/netlink/message.ts";
import { decodeTrace, type TraceEvent } from "../../linux/netlink/nftables/decode-trace.ts";
import { type TracedFlow, traceFlow } from "../../linux/netlink/nftables/phrase.ts";
import { newChain, newOwnedTable, newRule } from "../../linux/netlink/nftables/request.ts";
import { OwnedFd } from "../owned-fd.ts";
import { SyscallError, syscall, trySyscall } from "../syscall.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import { inNetns } from "./netns.ts";
import { nftTransaction } from "./nftables.ts";

const afNetlink = 16;
const socketType = 3 | 0o2000000 | 0o4000;
const netfilter = 12;
const solNetlink = 270;
const addMembership = 1;
const traceGroup = 9;
const addressBytes = 12;
const receiveBytes = 64 * 1024;
/** Before everybody else's. */
const priority = -450;

export class NftTrace implements Disposable {
  readonly #owner: NetlinkSocket;
  readonly #events: OwnedFd;

  private constructor(owner: NetlinkSocket, events: OwnedFd) {
    this.#owner = owner;
    this.#events = events;
  }

  /** `netns` undefined: that of this process. `table` is a name that nobody else has. */
  static open(netns: OwnedFd | undefined, table: string, flows: readonly TracedFlow[]): NftTrace {
    const inside = <T>(make: () => T): T => (netns === undefined ? make() : inNetns(netns, make));
    const events = inside(openEvents);
    let owner: NetlinkSocket | undefined;
    try {
      owner = inside(() => NetlinkSocket.open("netfilter"));
      const reference = { family: "inet", table } as const;
      nftTransaction(owner, [
        newOwnedTable(reference),
        ...(["prerouting", "output"] as const).flatMap((hook) => [
          newChain(reference, hook, { type: "filter", hook, priority, policy: "accept" }),
          ...flows.map((flow) => newRule(reference, hook, { phrases: [traceFlow(flow)] })),
        ]),
      ]);
      return new NftTrace(owner, events);
    } catch (thrown) {
      owner?.[Symbol.dispose]();
      events[Symbol.dispose]();
      throw thrown;
    }
  }

  /** What has been told since the last time. */
  take(): TraceEvent[] {
    const buffer = new Uint8Array(receiveBytes);
    const found: TraceEvent[] = [];
    for (;;) {
      const bytes = trySyscall("recvfrom", this.#events.raw, buffer, buffer.length, 0, 0, 0);
      if (bytes === -errno.EINTR || bytes === -errno.ENOBUFS) continue;
      if (bytes === -errno.EAGAIN) return found;
      if (bytes < 0) throw new SyscallError("recvfrom", -bytes, this.#events.what);
      for (const message of decodeMessages(buffer.subarray(0, bytes))) {
        const event = decodeTrace(message);
        if (event !== undefined) found.push(event);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#owner[Symbol.dispose]();
    this.#events[Symbol.dispose]();
  }
}

function openEvents(): OwnedFd {
  const what = "nftables trace";
  const socket = new OwnedFd(syscall("socket", what, afNetlink, socketType, netfilter), what);
  try {
    const address = new Uint8Array(addressBytes);
    new DataView(address.buffer).setUint16(0, afNetlink, true);
    syscall("bind", what, socket.raw, address, addressBytes);
    syscall("setsockopt", what, socket.raw, solNetlink, addMembership, Int32Array.of(traceGroup), 4);
    return socket;
  } catch (thrown) {
    socket[Symbol.dispose]();
    throw thrown;
  }
}
