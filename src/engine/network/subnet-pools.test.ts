import { expect, test } from "bun:test";
import { formatPrefix } from "../../linux/netlink/ipv4.ts";
import { formatIpv6Prefix } from "../../linux/netlink/ipv6.ts";
import { parseSubnetPools, subnetsOf, subnetsOf6, uniqueLocalPool } from "./subnet-pools.ts";

test("pools are cut into pieces of their size, each family for itself", () => {
  const { ipv4, ipv6 } = parseSubnetPools(["base=10.10.0.0/23,size=24", "size=64,base=fd00:10::/63"]);
  expect(ipv4.flatMap(subnetsOf).map(formatPrefix)).toEqual(["10.10.0.0/24", "10.10.1.0/24"]);
  expect(ipv6.flatMap((pool) => [...subnetsOf6(pool)]).map(formatIpv6Prefix)).toEqual([
    "fd00:10::/64",
    "fd00:10:0:1::/64",
  ]);
});

test.each([
  ["", "size is the number of bits"],
  ["base=10.0.0.0/8", "size is the number of bits"],
  ["base=10.0.0.1/8,size=24", "base is a network without host bits"],
  ["base=10.0.0.0/16,size=8", "size is from 16 to 30"],
  ["base=10.0.0.0/16,size=31", "size is from 16 to 30"],
  ["base=fd00::/48,size=127", "size is from 48 to 126"],
  ["base=10.0.0.0/16,size=24,x=1", 'there is no field "x"'],
])("the pool %p is refused", (text, why) => {
  expect(() => parseSubnetPools([text])).toThrow(why);
});

test("a pool too large to look at whole ends all the same", () => {
  const { ipv6 } = parseSubnetPools(["base=fd00::/16,size=96"]);
  expect(ipv6.map((pool) => [...subnetsOf6(pool)].length)).toEqual([65_536]);
});

test("what an engine has of its own is a unique local network", () => {
  const pool = uniqueLocalPool(Uint8Array.of(0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc));
  expect(formatIpv6Prefix(pool.base)).toBe("fd12:3456:789a::/48");
  expect(pool.size).toBe(64);
});
