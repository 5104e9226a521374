import { expect, test } from "bun:test";
import { formatIpAddress, isNetwork, parseIpAddress, parseIpPrefix } from "./ip-address.ts";

test.each([
  ["172.18.0.2", "172.18.0.2"],
  ["::", "::"],
  ["::1", "::1"],
  ["fd00::", "fd00::"],
  ["FD00:0:0:1:0:0:0:9", "fd00:0:0:1::9"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["::ffff:10.0.0.1", "::ffff:a00:1"],
])("%s is written %s", (text, written) => {
  const bytes = parseIpAddress(text);
  expect(bytes === undefined ? undefined : formatIpAddress(bytes)).toBe(written);
});

test.each([
  "",
  "1.2.3",
  "1.2.3.256",
  "01.2.3.4",
  ":",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7:8::",
  "12345::",
  "g::",
  "1.2.3.4::",
  "fe80::1%eth0",
])("%p is no address", (text) => {
  expect(parseIpAddress(text)).toBeUndefined();
});

test("a prefix has a length that fits, and may have bits behind it", () => {
  expect(parseIpPrefix("10.0.0.1/33")).toBeUndefined();
  expect(parseIpPrefix("fd00::/129")).toBeUndefined();
  expect(parseIpPrefix("10.0.0.1/")).toBeUndefined();
  expect(parseIpPrefix("10.0.0.1")?.length).toBe(32);
  const network = (text: string): boolean | undefined => {
    const prefix = parseIpPrefix(text);
    return prefix === undefined ? undefined : isNetwork(prefix);
  };
  expect(
    ["10.1.0.0/16", "10.1.0.1/16", "10.1.2.128/25", "10.1.2.64/25", "0.0.0.0/0", "fd00::/8"].map(network),
  ).toEqual([true, false, true, false, true, true]);
});
