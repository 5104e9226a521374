import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { DatagramTarget } from "../../../kernel/datagram-target.ts";
import { deliveryOf } from "./config.ts";
import { DeliveredPlace } from "./delivered-place.ts";
import { encodeDelivery, type Speaker } from "./encode.ts";
import { LinePieces } from "./line-pieces.ts";

const speaker: Speaker = {
  id: "0123456789abcdef",
  name: "box",
  imageId: "sha256:1",
  imageName: "base",
  command: "sh",
  createdMs: 0,
  hostname: "host",
  tag: "tag",
  pid: 7,
  extra: { "a-b": "c" },
};
const line = {
  stream: "stderr",
  timeNs: 1_000_000_001n,
  bytes: Buffer.from("hello"),
  piece: { id: "abc", ordinal: 1, isLast: false },
} as const;
const encoded = (driver: "syslog" | "journald" | "gelf" | "fluentd", options = {}): string =>
  Buffer.concat([...encodeDelivery(deliveryOf(driver, options), speaker, line)]).toString("latin1");

test("syslog of this machine has no host, and the older form has one", () => {
  expect(encoded("syslog")).toBe("<27>Jan  1 00:00:01 tag[7]: hello");
  expect(encoded("syslog", { "syslog-format": "rfc3164", "syslog-address": "udp://h" })).toBe(
    "<27>Jan  1 00:00:01 host tag[7]: hello",
  );
  expect(encoded("syslog", { "syslog-format": "rfc5424", "syslog-address": "tcp+tls://h:1" })).toBe(
    "49 <27>1 1970-01-01T00:00:01Z host tag 7 tag - hello",
  );
});

test("the journal has each field with its length", () => {
  const text = encoded("journald");
  expect(text).toStartWith("PRIORITY\n\x01\0\0\0\0\0\0\x003\n");
  expect(text).toContain("CONTAINER_ID\n\x0c\0\0\0\0\0\0\x000123456789ab\n");
  expect(text).toContain("CONTAINER_PARTIAL_ID\n\x03\0\0\0\0\0\0\0abc\n");
  expect(text).toContain("CONTAINER_PARTIAL_LAST\n\x05\0\0\0\0\0\0\0false\n");
  expect(text).toContain("CONTAINER_PARTIAL_MESSAGE\n\x04\0\0\0\0\0\0\0true\n");
  expect(text).toContain("A_B\n\x01\0\0\0\0\0\0\0c\n");
  expect(text).toEndWith("MESSAGE\n\x05\0\0\0\0\0\0\0hello\n");
});

test("a packet that is too large is cut into pieces with one identity", () => {
  const delivery = deliveryOf("gelf", { "gelf-address": "udp://h:1", "gelf-compression-type": "none" });
  const bytes = Buffer.alloc(3000, "x");
  const pieces = encodeDelivery(delivery, speaker, { ...line, bytes });
  expect(pieces.map((piece) => [piece[0], piece[1], piece[10], piece[11]])).toEqual([
    [0x1e, 0x0f, 0, 3],
    [0x1e, 0x0f, 1, 3],
    [0x1e, 0x0f, 2, 3],
  ]);
});

test("a place is a time and how many lines of it", () => {
  const directory = mkdtempSync("/tmp/tiffin-test-delivered-");
  try {
    const place = new DeliveredPlace(`${directory}/place`);
    for (const timeNs of [1n, 5n, 5n]) place.note(timeNs);
    place.save();
    const next = new DeliveredPlace(`${directory}/place`);
    expect(next.sinceNs).toBe(5n);
    const isDelivered = next.skipper();
    expect([5n, 5n, 5n, 6n].map(isDelivered)).toEqual([true, true, false, false]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("a socket with a path that is not there is told by its path", () => {
  expect(() => new DatagramTarget("/not/there")).toThrow("/not/there");
});

test("the pieces of a line have one name and are counted; whole lines have none", () => {
  const pieces = new LinePieces();
  const next = (stream: "stdout" | "stderr", text: string): unknown => {
    const { piece, bytes } = pieces.lineOf({ stream, timeNs: 1n, bytes: Buffer.from(text) });
    return [Buffer.from(bytes).toString(), piece?.ordinal, piece?.isLast];
  };
  expect(next("stdout", "whole\n")).toEqual(["whole", undefined, undefined]);
  expect(next("stdout", "one ")).toEqual(["one ", 1, false]);
  expect(next("stderr", "between\n")).toEqual(["between", undefined, undefined]);
  expect(next("stdout", "line ")).toEqual(["line ", 2, false]);
  expect(next("stdout", "\n")).toEqual(["", 3, true]);
  expect(next("stdout", "whole\n")).toEqual(["whole", undefined, undefined]);
  const entry = { stream: "stdout", timeNs: 1n, bytes: Buffer.from("x") } as const;
  const [first, second] = [pieces.lineOf(entry).piece?.id, pieces.lineOf(entry).piece?.id];
  expect(first).toMatch(/^[0-9a-f]{64}$/);
  expect(second).toBe(first ?? "");
});
