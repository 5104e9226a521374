import { expect, test } from "bun:test";
import { formatIpv6, parseIpv6, parseIpv6Prefix } from "../../linux/netlink/ipv6.ts";
import { Ipv6Pool } from "./ipv6-pool.ts";

const address = (text: string): bigint => parseIpv6(text) ?? 0n;

function pool(subnet: string, range?: string, reserved: readonly string[] = []): Ipv6Pool {
  const prefix = parseIpv6Prefix(subnet);
  if (prefix === undefined) throw new Error(`${subnet} is no prefix`);
  return new Ipv6Pool(prefix, {
    gateway: prefix.network + 1n,
    range: range === undefined ? undefined : parseIpv6Prefix(range),
    reserved: reserved.map(address),
  });
}

function taken(from: Ipv6Pool, count: number): string[] {
  return Array.from({ length: count }, () => {
    const found = from.take();
    return found === undefined ? "none" : formatIpv6(found);
  });
}

test("addresses come one after the other, without gateway and what is reserved", () => {
  expect(taken(pool("fd00::/64", undefined, ["fd00::3"]), 3)).toEqual(["fd00::2", "fd00::4", "fd00::5"]);
});

test("a small subnet ends, and goes on with what came back", () => {
  const small = pool("fd00::/126");
  expect(taken(small, 3)).toEqual(["fd00::2", "fd00::3", "none"]);
  small.give(address("fd00::2"));
  expect(taken(small, 2)).toEqual(["fd00::2", "none"]);
});

test("a range is for those who do not ask; who asks has the whole subnet", () => {
  const ranged = pool("fd00::/64", "fd00::8:0/127");
  expect(taken(ranged, 3)).toEqual(["fd00::8:0", "fd00::8:1", "none"]);
  expect(ranged.takeExactly(address("fd00::ffff:ffff:ffff:ffff"))).toBe(true);
  expect(ranged.takeExactly(address("fd00::ffff:ffff:ffff:ffff"))).toBe(false);
  expect(
    [address("fd00::"), address("fd00::1"), address("fd01::9")].map((each) => ranged.takeExactly(each)),
  ).toEqual([false, false, false]);
});
