import { expect, test } from "bun:test";
import { readExtension } from "./decode-extension.ts";

test("what is too short, of another form, or asks for more than is read stays unknown", () => {
  const unknown = (name: string) => ({ expr: "extension", kind: "match", name }) as const;
  for (const length of [0, 1, 47, 153]) {
    const info = new Uint8Array(length);
    expect(readExtension("match", "conntrack", 3, info)).toEqual(unknown("conntrack"));
    if (length < 48) expect(readExtension("match", "multiport", 1, info)).toEqual(unknown("multiport"));
  }
  const info = new Uint8Array(160);
  info[146] = 3;
  expect(readExtension("match", "conntrack", 3, info)).toEqual(unknown("conntrack"));
  expect(readExtension("match", "geoip", 0, info)).toEqual(unknown("geoip"));
  const many = new Uint8Array(48).fill(255);
  expect(readExtension("match", "multiport", 1, many)).toEqual(unknown("multiport"));
});
