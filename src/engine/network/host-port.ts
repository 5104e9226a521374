/**
 * Published ports are rewritten by the firewall before any socket sees them, so the kernel would let another program
 * listen on the same port and never be reached. A real socket held for each published port gives that program its
 * EADDRINUSE, makes ours a clear error, and lets the kernel choose a free port. bind(2), ip(7)
 */
import { OwnedFd } from "../../kernel/owned-fd.ts";
import { SyscallError, syscall } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import { protocolNumbers } from "../../linux/netlink/conntrack.ts";
import { formatIpv4, ipv4Bytes } from "../../linux/netlink/ipv4.ts";
import { formatIpv6, ipv6Bytes } from "../../linux/netlink/ipv6.ts";
import type { PortProtocol } from "./model.ts";

const afInet = 2;
const afInet6 = 10;
const ipprotoIpv6 = 41;
const ipv6Only = 26;
const addressBytes6 = 28;
const cloexecNonblock = 0o2000000 | 0o4000;
const socketTypes = { tcp: 1, udp: 2, sctp: 1 } as const;
const solSocket = 1;
const soReuseaddr = 2;
const soRcvbuf = 8;
const backlog = 1;
const manyClients = 512;
const usualReceiveBytes = 212_992;
const addressBytes = 16;

export interface HeldPort {
  /** Undefined: this kernel has no sockets of the protocol, so nobody can be in the way. */
  readonly socket: OwnedFd | undefined;
  readonly port: number;
}

export function formatHostAddress(address: number | bigint): string {
  return typeof address === "bigint" ? formatIpv6(address) : formatIpv4(address);
}

function place(address: number | bigint, port: number): string {
  const text = formatHostAddress(address);
  return typeof address === "bigint" ? `[${text}]:${port}` : `${text}:${port}`;
}

/** struct sockaddr_in or sockaddr_in6 */
function socketAddress(address: number | bigint, port: number): Uint8Array {
  if (typeof address === "bigint") {
    const bytes6 = new Uint8Array(addressBytes6);
    const view6 = new DataView(bytes6.buffer);
    view6.setUint16(0, afInet6, true);
    view6.setUint16(2, port, false);
    bytes6.set(ipv6Bytes(address), 8);
    return bytes6;
  }
  const bytes = new Uint8Array(addressBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, afInet, true);
  view.setUint16(2, port, false);
  bytes.set(ipv4Bytes(address), 4);
  return bytes;
}

/**
 * Occupies a port of the host; port 0 takes a free one. Errors: conflict `network.port-allocated`, invalid
 * `network.address-not-local`.
 */
export function holdHostPort(protocol: PortProtocol, address: number | bigint, port: number): HeldPort {
  const what = `${protocol} port ${place(address, port)}`;
  const family = typeof address === "bigint" ? afInet6 : afInet;
  const socket = openSocket(protocol, family, what);
  if (socket === undefined) return { socket, port };
  try {
    if (protocol !== "udp") {
      // Finished connections in TIME_WAIT do not count; the listening state below keeps others out all the same.
      syscall("setsockopt", what, socket.raw, solSocket, soReuseaddr, Int32Array.of(1), 4);
    } else {
      // Stray datagrams that come here are never read.
      syscall("setsockopt", what, socket.raw, solSocket, soRcvbuf, Int32Array.of(0), 4);
    }
    if (family === afInet6) {
      syscall("setsockopt", what, socket.raw, ipprotoIpv6, ipv6Only, Int32Array.of(1), 4);
    }
    const where = socketAddress(address, port);
    syscall("bind", what, socket.raw, where, where.length);
    if (protocol !== "udp") syscall("listen", what, socket.raw, backlog);
    return { socket, port: port === 0 ? boundPort(socket) : port };
  } catch (thrown) {
    socket[Symbol.dispose]();
    throw explained(thrown, address, port);
  }
}

/** A socket that was held for nobody is to have clients. */
export function acceptMany(socket: OwnedFd): void {
  syscall("listen", socket.what, socket.raw, manyClients);
}

/** The same of one for datagrams. */
export function receiveMuch(socket: OwnedFd): void {
  syscall("setsockopt", socket.what, socket.raw, solSocket, soRcvbuf, Int32Array.of(usualReceiveBytes), 4);
}

function openSocket(protocol: PortProtocol, family: number, what: string): OwnedFd | undefined {
  const number = protocol === "sctp" ? protocolNumbers.sctp : 0;
  try {
    return new OwnedFd(
      syscall("socket", what, family, socketTypes[protocol] | cloexecNonblock, number),
      what,
    );
  } catch (thrown) {
    const isMissing = thrown instanceof SyscallError && thrown.code === "EPROTONOSUPPORT";
    if (protocol === "sctp" && isMissing) return undefined;
    throw thrown;
  }
}

function boundPort(socket: OwnedFd): number {
  const bytes = new Uint8Array(addressBytes6);
  syscall("getsockname", socket.what, socket.raw, bytes, Uint32Array.of(addressBytes6));
  return new DataView(bytes.buffer).getUint16(2, false);
}

function explained(thrown: unknown, address: number | bigint, port: number): unknown {
  if (!(thrown instanceof SyscallError)) return thrown;
  const where = place(address, port);
  if (thrown.code === "EADDRINUSE") {
    return portAllocated(where, thrown);
  }
  if (thrown.code === "EADDRNOTAVAIL") {
    return new TiffinError(
      "invalid",
      "network.address-not-local",
      `cannot publish on ${where}: ${formatHostAddress(address)} is no address of this host`,
      { cause: thrown, exitCode: 125 },
    );
  }
  return thrown;
}

/** Docker's words: clients look for them. */
export function portAllocated(where: string, cause?: unknown): TiffinError {
  return new TiffinError(
    "conflict",
    "network.port-allocated",
    `Bind for ${where} failed: port is already allocated`,
    { cause, remedy: "stop what uses the port, or publish another one", exitCode: 125 },
  );
}
