import { expect, test } from "bun:test";
import { parseTarget } from "./parse-ends.ts";

test.each(["224.0.0.1:80", "239.255.255.250:1900/udp", "255.255.255.255:67/udp", "[ff02::fb]:5353/udp"])(
  "%s is an address of many, and nobody's to be reached",
  (written) => {
    expect(() => parseTarget(written)).toThrow(/is an address of many at once/);
  },
);

test.each(["223.255.255.255:80", "240.0.0.1:80", "255.255.255.254:80", "[fe80::1]:80", "web:80"])(
  "%s is that of one",
  (written) => {
    expect(parseTarget(written).port).toBe(80);
  },
);
