/** Where the subnets of networks come from that nobody chose one for: bases that are cut into pieces of one size. Pure. */
import { TiffinError } from "../../lib/errors.ts";
import { type Prefix, parsePrefix } from "../../linux/netlink/ipv4.ts";
import { type Ipv6Prefix, parseIpv6Prefix } from "../../linux/netlink/ipv6.ts";

export interface Ipv4AddressPool {
  readonly base: Prefix;
  /** Prefix length of the pieces. */
  readonly size: number;
}

export interface Ipv6AddressPool {
  readonly base: Ipv6Prefix;
  readonly size: number;
}

export interface SubnetPools {
  /** Empty: the engine's own choice. */
  readonly ipv4: readonly Ipv4AddressPool[];
  readonly ipv6: readonly Ipv6AddressPool[];
}

/** Lengths of pieces that hold a gateway and a container. */
const longest = { ipv4: 30, ipv6: 126 } as const;
const shortestIpv4 = 8;
/** A host has thousands of networks at most; a pool has room for more than can be looked at. */
const mostTried = 65_536n;

function refuse(text: string, why: string): never {
  throw new TiffinError(
    "invalid",
    "network.pool-invalid",
    `invalid default address pool ${JSON.stringify(text)}: ${why}`,
    { remedy: "write it like base=10.10.0.0/16,size=24 or base=fd00:10::/48,size=64" },
  );
}

/** `base=10.10.0.0/16,size=24`, as Docker's engine takes them. Errors: invalid `network.pool-invalid`. */
export function parseSubnetPools(texts: readonly string[]): SubnetPools {
  const ipv4: Ipv4AddressPool[] = [];
  const ipv6: Ipv6AddressPool[] = [];
  for (const text of texts) {
    const fields = new Map(
      text.split(",").map((field): [string, string] => {
        const [key = "", ...value] = field.split("=");
        return [key.trim(), value.join("=").trim()];
      }),
    );
    if (!/^\d+$/.test(fields.get("size") ?? ""))
      refuse(text, "size is the number of bits of a subnet's prefix");
    const unknown = [...fields.keys()].find((key) => key !== "base" && key !== "size");
    if (unknown !== undefined) refuse(text, `there is no field ${JSON.stringify(unknown)}`);
    const base = fields.get("base") ?? "";
    const size = Number(fields.get("size") ?? "");
    const found = parsePrefix(base);
    const found6 = parseIpv6Prefix(base);
    if (found !== undefined) {
      if (size < Math.max(found.length, shortestIpv4) || size > longest.ipv4) {
        refuse(text, `size is from ${Math.max(found.length, shortestIpv4)} to ${longest.ipv4}`);
      }
      ipv4.push({ base: found, size });
    } else if (found6 !== undefined) {
      if (size < found6.length || size > longest.ipv6) {
        refuse(text, `size is from ${found6.length} to ${longest.ipv6}`);
      }
      ipv6.push({ base: found6, size });
    } else refuse(text, "base is a network without host bits");
  }
  return { ipv4, ipv6 };
}

/** The pieces, in order. */
export function subnetsOf({ base, size }: Ipv4AddressPool): Prefix[] {
  const count = Math.min(2 ** (size - base.length), Number(mostTried));
  return Array.from({ length: count }, (_, index) => ({
    network: base.network + index * 2 ** (32 - size),
    length: size,
  }));
}

export function* subnetsOf6({ base, size }: Ipv6AddressPool): Generator<Ipv6Prefix> {
  const count = 1n << BigInt(size - base.length);
  const step = 1n << BigInt(128 - size);
  for (let index = 0n; index < count && index < mostTried; index += 1n) {
    yield { network: base.network + index * step, length: size };
  }
}

const bytesOfGlobalId = 5;
const ulaLength = 48;
const ulaSize = 64;

/** A unique local network (RFC 4193) of this engine's own: `digest` is a hash of what it alone is. */
export function uniqueLocalPool(digest: Uint8Array): Ipv6AddressPool {
  let globalId = 0n;
  for (const byte of digest.subarray(0, bytesOfGlobalId)) globalId = (globalId << 8n) | BigInt(byte);
  return { base: { network: (0xfdn << 120n) | (globalId << 80n), length: ulaLength }, size: ulaSize };
}
