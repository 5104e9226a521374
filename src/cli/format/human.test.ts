import { expect, test } from "bun:test";
import { binarySize, ellipsis, goTime, humanDuration, humanSize } from "./human.ts";

test.each([
  [0.9, "Less than a second"],
  [1.5, "1 second"],
  [59, "59 seconds"],
  [60, "About a minute"],
  [119, "About a minute"],
  [120, "2 minutes"],
  [3599, "59 minutes"],
  [3600, "About an hour"],
  [5400, "2 hours"],
  [47 * 3600, "47 hours"],
  [48 * 3600, "2 days"],
  [13 * 86400, "13 days"],
  [14 * 86400, "2 weeks"],
  [59 * 86400, "8 weeks"],
  [60 * 86400, "2 months"],
  [729 * 86400, "24 months"],
  [730 * 86400, "2 years"],
])("%p seconds", (seconds, wanted) => expect(humanDuration(seconds)).toBe(wanted));

test.each([
  [0, "0B"],
  [999, "999B"],
  [1000, "1kB"],
  [1_984_000, "1.98MB"],
  [123_456_789, "123MB"],
  [5e9, "5GB"],
])("%p bytes", (bytes, wanted) => expect(humanSize(bytes)).toBe(wanted));

test("binary sizes, times and cuts", () => {
  expect(binarySize(25_275_000_000)).toBe("23.54GiB");
  expect(goTime(1_795_444_003)).toBe("2026-11-23 14:26:43 +0000 UTC");
  expect(ellipsis("sleep 100", 20)).toBe("sleep 100");
  expect(ellipsis("abcdefghijklmnopqrstuvwxyz", 20)).toBe("abcdefghijklmnopqrs…");
});
