import { expect, test } from "bun:test";
import { isIpv4, isIpv6 } from "./ip-address.ts";

test("IPv4 addresses are four numbers below 256 without leading zeros", () => {
  expect(["0.0.0.0", "127.0.0.1", "255.255.255.255"].every(isIpv4)).toBe(true);
  expect(["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.-4", "1.2.3.4 "].some(isIpv4)).toBe(
    false,
  );
});

test("IPv6 addresses have eight groups, or fewer around one gap", () => {
  const right = [
    "::",
    "::1",
    "fe80::",
    "2001:db8::33",
    "1:2:3:4:5:6:7:8",
    "1::3:4:5:6:7:8",
    "::ffff:1.2.3.4",
  ];
  for (const text of right) expect([text, isIpv6(text)]).toEqual([text, true]);
  const wrong = [
    "",
    ":",
    "80:80",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "12345::",
    "g::",
    "1:2:3:4::5:6:7:8",
  ];
  for (const text of [...wrong, ":::", "::1%eth0", "1.2.3.4", "1.2.3.4::", "::1.2.3.256"]) {
    expect([text, isIpv6(text)]).toEqual([text, false]);
  }
});
