import { expect, test } from "bun:test";
import {
  formatIpv6,
  formatIpv6Prefix,
  ipv6Bytes,
  ipv6FromBytes,
  ipv6LastOf,
  ipv6Overlap,
  parseIpv6,
  parseIpv6Prefix,
} from "./ipv6.ts";

test("an address is a number, and comes back in its shortest form", () => {
  expect(parseIpv6("fd00::1")).toBe((0xfdn << 120n) + 1n);
  expect(formatIpv6(parseIpv6("FD00:0:0::0001") ?? 0n)).toBe("fd00::1");
  expect(ipv6FromBytes(ipv6Bytes(parseIpv6("2001:db8::ffff:1") ?? 0n))).toBe(parseIpv6("2001:db8::ffff:1"));
});

test.each(["10.0.0.1", "", "fd00", "fd00::1%eth0", "fd00:::1", "::g"])("%p is no IPv6 address", (text) => {
  expect(parseIpv6(text)).toBeUndefined();
});

test("a prefix has no host bits, and knows its end and its rivals", () => {
  const prefix = parseIpv6Prefix("fd00:1::/64") ?? { network: 0n, length: 0 };
  expect(formatIpv6Prefix(prefix)).toBe("fd00:1::/64");
  expect(formatIpv6(ipv6LastOf(prefix))).toBe("fd00:1::ffff:ffff:ffff:ffff");
  expect(["fd00:1::1/64", "fd00::/129", "fd00::", "10.0.0.0/8"].map(parseIpv6Prefix)).toEqual(
    new Array(4).fill(undefined),
  );
  expect(ipv6Overlap(prefix, parseIpv6Prefix("fd00:1::/48") ?? prefix)).toBe(true);
  expect(ipv6Overlap(prefix, { network: parseIpv6("fd00:2::") ?? 0n, length: 64 })).toBe(false);
});
