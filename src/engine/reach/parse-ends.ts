/** Both ends as they are written: `A` and `B:PORT[/udp]`. Pure. */
import { TiffinError } from "../../lib/errors.ts";
import { parseIpAddress } from "../../linux/netlink/ip-address.ts";
import type { Protocol } from "./packet.ts";

const lastPort = 65_535;

export interface WrittenTarget {
  readonly text: string;
  readonly address: Uint8Array | undefined;
  readonly port: number;
  readonly protocol: Protocol;
}

export function parseTarget(written: string): WrittenTarget {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})(?:\/(tcp|udp))?$/.exec(written);
  const text = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (text === undefined || !(port >= 1 && port <= lastPort)) {
    throw new TiffinError("invalid", "reach.target", `${JSON.stringify(written)} is no target`, {
      remedy: "write NAME:PORT, ADDRESS:PORT or [IPV6]:PORT, with /udp for UDP; ports are 1 to 65535",
    });
  }
  const address = parseIpAddress(text);
  if (address !== undefined && isForMany(address)) {
    throw new TiffinError("invalid", "reach.many", `${text} is an address of many at once`, {
      remedy: "name one of those who are to get it; TCP connects to one only",
    });
  }
  return { text, address, port, protocol: match?.[4] === "udp" ? "udp" : "tcp" };
}

/** Multicast (RFC 5771, RFC 4291 section 2.7), or everybody on the link (RFC 919). */
function isForMany(address: Uint8Array): boolean {
  const [first = 0] = address;
  if (address.length !== 4) return first === 0xff;
  return (first >= 0xe0 && first <= 0xef) || address.every((byte) => byte === 0xff);
}
