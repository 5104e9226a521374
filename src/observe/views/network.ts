/** What a process can reach others with: `net`. */
import type { ObservedProcess } from "../observed-process.ts";
import { type Cell, type Report, table } from "../report.ts";
import { bytesText } from "../units.ts";
import { internetSockets, type SocketEntry, unixSockets } from "./sockets.ts";

/** /proc/PID/net/dev: eight numbers received, eight sent. */
function interfaceRows(text: string): Cell[][] {
  return text
    .split("\n")
    .slice(2)
    .flatMap((line) => {
      const colon = line.lastIndexOf(":");
      if (colon < 0) return [];
      const numbers = line
        .slice(colon + 1)
        .trim()
        .split(/\s+/)
        .map(Number);
      const at = (index: number): number => numbers[index] ?? 0;
      const bytes = (index: number): Cell => ({ value: at(index), shown: bytesText(at(index)) });
      return [[line.slice(0, colon).trim(), bytes(0), at(1), at(2), at(3), bytes(8), at(9), at(10), at(11)]];
    });
}

function socketRows(entries: readonly SocketEntry[]): Cell[][] {
  return entries.map(({ protocol, local, remote, state, inode }) => [protocol, state, local, remote, inode]);
}

const socketColumns = {
  protocol: "PROTOCOL",
  state: "STATE",
  local: "LOCAL",
  remote: "REMOTE",
  inode: "INODE",
};

export function networkReport(process: ObservedProcess): Report {
  return {
    sections: [
      table(
        "Interfaces",
        {
          name: "NAME",
          receivedBytes: "RECEIVED",
          receivedPackets: "PACKETS",
          receiveErrors: "ERRORS",
          receiveDrops: "DROPPED",
          sentBytes: "SENT",
          sentPackets: "PACKETS",
          sendErrors: "ERRORS",
          sendDrops: "DROPPED",
        },
        interfaceRows(process.text("net/dev")),
        "interfaces",
      ),
      table(
        "Internet sockets of its network namespace",
        socketColumns,
        socketRows(internetSockets(process)),
        "internet",
      ),
      table("Unix sockets of its network namespace", socketColumns, socketRows(unixSockets(process)), "unix"),
    ],
  };
}
