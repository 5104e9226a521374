import { expect, test } from "bun:test";
import { decodeName, encodeName } from "./name-text.ts";

test("a name of any bytes comes back as the same bytes", () => {
  const names = [
    [0xff, 0xfe, 0x78],
    [0x64, 0xff],
    [0xef, 0xbb, 0xbf, 0x61],
    [0xc3, 0xa4, 0xff],
    [0xed, 0xb2, 0x80],
    [0xf0, 0x9f, 0x92, 0x80],
    [...new TextEncoder().encode("plain \u00e4\u20ac\u{1f480}")],
    Array.from({ length: 255 }, (_, index) => index + 1),
  ];
  for (const name of names) {
    const bytes = Uint8Array.from(name);
    expect(encodeName(decodeName(bytes))).toEqual(bytes);
  }
});

test("parts of a path that are and are not UTF-8 stay what they are side by side", () => {
  const odd = decodeName(Uint8Array.of(0xff));
  expect(Buffer.from(encodeName(`/\u00e4/\u{1f480}/${odd}/b`)).toString("latin1")).toBe(
    Buffer.from("/\u00e4/\u{1f480}/\0/b").toString("latin1").replace("\0", "\xff"),
  );
});

test("a name that is UTF-8 is the text that it is", () => {
  expect(decodeName(new TextEncoder().encode("\u00e4"))).toBe("\u00e4");
});
