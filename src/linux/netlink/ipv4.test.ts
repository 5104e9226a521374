import { expect, test } from "bun:test";
import {
  broadcastOf,
  contains,
  formatIpv4,
  formatMac,
  formatPrefix,
  ipv4Bytes,
  ipv4FromBytes,
  overlap,
  parseIpv4,
  parseMac,
  parsePrefix,
} from "./ipv4.ts";

function prefix(text: string) {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

test("addresses survive text, number and bytes", () => {
  for (const text of ["0.0.0.0", "127.0.0.1", "172.30.0.2", "255.255.255.255"]) {
    const number = parseIpv4(text) ?? -1;
    expect(formatIpv4(number)).toBe(text);
    expect(ipv4FromBytes(ipv4Bytes(number))).toBe(number);
  }
});

test.each(["", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.-4", "1.2.3.4 ", "a.b.c.d", "::1"])(
  "%p is no address",
  (text) => {
    expect(parseIpv4(text)).toBeUndefined();
  },
);

test("prefixes", () => {
  expect(formatPrefix(prefix("172.30.0.0/16"))).toBe("172.30.0.0/16");
  expect(formatIpv4(broadcastOf(prefix("172.30.0.0/16")))).toBe("172.30.255.255");
  expect(contains(prefix("0.0.0.0/0"), parseIpv4("8.8.8.8") ?? 0)).toBe(true);
  expect(contains(prefix("192.168.208.0/20"), parseIpv4("192.168.224.1") ?? 0)).toBe(false);
  for (const bad of ["172.30.0.1/16", "172.30.0.0/33", "172.30.0.0", "172.30.0.0/", "/16"]) {
    expect(parsePrefix(bad)).toBeUndefined();
  }
});

test("overlap is inclusion, either way", () => {
  expect(overlap(prefix("10.0.0.0/8"), prefix("10.88.0.0/16"))).toBe(true);
  expect(overlap(prefix("10.88.0.0/16"), prefix("10.0.0.0/8"))).toBe(true);
  expect(overlap(prefix("172.30.0.0/16"), prefix("172.31.0.0/16"))).toBe(false);
});

test("MAC addresses", () => {
  expect(formatMac(parseMac("02:42:AC:1e:00:09") ?? new Uint8Array())).toBe("02:42:ac:1e:00:09");
  for (const bad of ["", "02:42:ac:1e:00", "02-42-ac-1e-00-09", "02:42:ac:1e:00:0g"]) {
    expect(parseMac(bad)).toBeUndefined();
  }
});
