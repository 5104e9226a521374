/** Sockets of a process's network namespace, from the tables below /proc/PID/net (proc_pid_net(5)). */
import { own } from "../../lib/own.ts";
import type { ObservedProcess } from "../observed-process.ts";

export interface SocketEntry {
  readonly protocol: string;
  readonly local: string;
  readonly remote: string;
  readonly state: string;
  readonly inode: string;
  /** In one line, for beside a descriptor. */
  readonly text: string;
}

/** include/net/tcp_states.h */
const tcpStates: Readonly<Record<string, string>> = {
  "01": "ESTABLISHED",
  "02": "SYN_SENT",
  "03": "SYN_RECV",
  "04": "FIN_WAIT1",
  "05": "FIN_WAIT2",
  "06": "TIME_WAIT",
  "07": "CLOSE",
  "08": "CLOSE_WAIT",
  "09": "LAST_ACK",
  "0A": "LISTEN",
  "0B": "CLOSING",
  "0C": "NEW_SYN_RECV",
};

/** The kernel prints an address as its 32-bit words in the machine's byte order; both machines here are little endian. */
function addressText(text: string): string {
  const [address = "", port = "0"] = text.split(":");
  const bytes: number[] = [];
  for (let word = 0; word < address.length; word += 8) {
    const part = address.slice(word, word + 8);
    for (let at = 6; at >= 0; at -= 2) bytes.push(Number.parseInt(part.slice(at, at + 2), 16));
  }
  const number = Number.parseInt(port, 16);
  const shown = number === 0 ? "*" : String(number);
  return bytes.length === 4 ? `${bytes.join(".")}:${shown}` : `[${ipv6Text(bytes)}]:${shown}`;
}

/** RFC 5952: the longest run of zero groups is left out. */
export function ipv6Text(bytes: readonly number[]): string {
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
  let best = { start: -1, length: 1 };
  for (let start = 0; start < groups.length; start += 1) {
    let end = start;
    while (groups[end] === 0) end += 1;
    if (end - start > best.length) best = { start, length: end - start };
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  if (best.start < 0) return text(groups);
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`;
}

function internet(protocol: string, text: string): SocketEntry[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const words = line.trim().split(/\s+/);
      const [, local, remote, code = ""] = words;
      const inode = words[9];
      if (local === undefined || remote === undefined || inode === undefined) return [];
      const isTcp = protocol.startsWith("tcp");
      const state = isTcp ? (own(tcpStates, code) ?? code) : code === "01" ? "CONNECTED" : "BOUND";
      const from = addressText(local);
      const to = addressText(remote);
      const toText = state === "LISTEN" || state === "BOUND" ? "" : ` -> ${to}`;
      return [
        { protocol, local: from, remote: to, state, inode, text: `${protocol} ${from}${toText} ${state}` },
      ];
    });
}

const unixTypes: Readonly<Record<string, string>> = {
  "0001": "stream",
  "0002": "datagram",
  "0005": "seqpacket",
};
const listening = 0x10000;

function unix(text: string): SocketEntry[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const match = /^\S+: \S+ \S+ ([0-9A-F]+) (\S+) (\S+) +(\d+)(?: (.*))?$/.exec(line);
      if (match?.[4] === undefined) return [];
      const [, flags = "0", type = "", code = "", inode, path = ""] = match;
      const state = Number.parseInt(flags, 16) & listening ? "LISTEN" : code === "03" ? "CONNECTED" : "OPEN";
      const protocol = `unix ${own(unixTypes, type) ?? type}`;
      return [
        {
          protocol,
          local: path,
          remote: "",
          state,
          inode,
          text: `${protocol} ${path} ${state}`.replace("  ", " "),
        },
      ];
    });
}

export const internetTables = ["tcp", "tcp6", "udp", "udp6", "udplite", "raw", "raw6"] as const;

export function internetSockets(process: ObservedProcess): SocketEntry[] {
  return internetTables.flatMap((name) => internet(name, process.textIfPossible(`net/${name}`) ?? ""));
}

export function unixSockets(process: ObservedProcess): SocketEntry[] {
  return unix(process.textIfPossible("net/unix") ?? "");
}

/** By inode, as descriptors name them. */
export function socketsOf(process: ObservedProcess): ReadonlyMap<string, SocketEntry> {
  return new Map([...internetSockets(process), ...unixSockets(process)].map((entry) => [entry.inode, entry]));
}
