/**
 * Several datagrams to one place by one system call, and as one packet on their way there: the kernel takes them apart where they
 * are received, so all that a packet meets between is met once. All are of one length, the last one maybe shorter. udp(7), UDP_SEGMENT
 */
import type { OwnedFd } from "./owned-fd.ts";
import { addressOf, inRange, trySyscall } from "./syscall.ts";

const afInet = 2;
const solUdp = 17;
const udpSegment = 103;
const dontWait = 0x40;
const noSignal = 0x4000;

/** UDP_MAX_SEGMENTS of the kernels that have the fewest. */
export const mostSegments = 64;
/** What an Ethernet link carries beside the headers of IPv4 and UDP. */
const longestSegment = 1472;

const placeBytes = 16;
const vectorBytes = 16;
const controlHeaderBytes = 16;
const controlBytes = 24;
const headerBytes = 56;

/** Used again for every send, which is over when the system call has returned. */
const memory = {
  data: new Uint8Array(mostSegments * longestSegment),
  place: new Uint8Array(placeBytes),
  vector: new Uint8Array(vectorBytes),
  control: new Uint8Array(controlBytes),
  header: new Uint8Array(headerBytes),
};
const placeView = new DataView(memory.place.buffer);
const vectorView = new DataView(memory.vector.buffer);
const controlView = new DataView(memory.control.buffer);
const headerView = new DataView(memory.header.buffer);

/** struct msghdr, and what it points at. */
function describe(length: number, segment: number, address: number, port: number): Uint8Array {
  placeView.setUint16(0, afInet, true);
  placeView.setUint16(2, inRange("u16", port, "port"), false);
  placeView.setUint32(4, inRange("u32", address, "address"), false);
  vectorView.setBigUint64(0, BigInt(addressOf(memory.data)), true);
  vectorView.setBigUint64(8, BigInt(length), true);
  controlView.setBigUint64(0, BigInt(controlHeaderBytes + 2), true);
  controlView.setInt32(8, solUdp, true);
  controlView.setInt32(12, udpSegment, true);
  controlView.setUint16(controlHeaderBytes, segment, true);
  headerView.setBigUint64(0, BigInt(addressOf(memory.place)), true);
  headerView.setUint32(8, placeBytes, true);
  headerView.setBigUint64(16, BigInt(addressOf(memory.vector)), true);
  headerView.setBigUint64(24, 1n, true);
  headerView.setBigUint64(32, BigInt(addressOf(memory.control)), true);
  headerView.setBigUint64(40, BigInt(controlBytes), true);
  return memory.header;
}

/**
 * From a socket for datagrams over IPv4. False: none was sent, as the kernel or a link on the way cannot, or the socket was told
 * what became of an earlier one.
 */
export function sendSegmented(
  socket: OwnedFd,
  messages: readonly Uint8Array[],
  address: number,
  port: number,
): boolean {
  const segment = messages[0]?.length ?? 0;
  if (messages.length > mostSegments || segment === 0 || segment > longestSegment) return false;
  let length = 0;
  for (const [index, message] of messages.entries()) {
    const isLast = index === messages.length - 1;
    if (isLast ? message.length > segment : message.length !== segment) return false;
    memory.data.set(message, length);
    length += message.length;
  }
  return (
    trySyscall("sendmsg", socket.raw, describe(length, segment, address, port), dontWait | noSignal) >= 0
  );
}
