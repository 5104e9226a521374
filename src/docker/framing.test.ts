import { expect, test } from "bun:test";
import { TiffinError } from "../lib/errors.ts";
import {
  encodeFrame,
  encodeJsonFrame,
  FrameDecoder,
  frameText,
  frameTypes,
  limitControlBytes,
} from "./framing.ts";

interface Seen {
  readonly streams: Record<number, string>;
  readonly controls: [number, string][];
}

function decode(bytes: Uint8Array, step: number): Seen & { aligned: boolean } {
  const seen: Seen = { streams: {}, controls: [] };
  const decoder = new FrameDecoder({
    part(type, piece) {
      expect(piece.length).toBeGreaterThan(0);
      seen.streams[type] = (seen.streams[type] ?? "") + frameText(piece);
    },
    control: (type, payload) => seen.controls.push([type, frameText(payload)]),
  });
  for (let at = 0; at < bytes.length; at += step) decoder.push(bytes.subarray(at, at + step));
  return { ...seen, aligned: decoder.aligned };
}

test("a frame has Docker's header", () => {
  expect([...encodeFrame(frameTypes.stderr, new Uint8Array([9, 8]))]).toEqual([2, 0, 0, 0, 0, 0, 0, 2, 9, 8]);
  expect([...encodeFrame(1, new Uint8Array(0x10203)).subarray(0, 8)]).toEqual([1, 0, 0, 0, 0, 1, 2, 3]);
});

test("frames are found however they are cut", () => {
  const bytes = Buffer.concat([
    encodeJsonFrame(frameTypes.started, { Id: "a", Warnings: [] }),
    encodeFrame(frameTypes.stdout, Buffer.from("hello ")),
    encodeFrame(frameTypes.stdout, Buffer.from("")),
    encodeFrame(frameTypes.stderr, Buffer.from("oops")),
    encodeFrame(frameTypes.stdout, Buffer.from("world")),
    encodeFrame(frameTypes.stdinEnd, Buffer.from("")),
    encodeJsonFrame(frameTypes.exited, { StatusCode: 3 }),
  ]);
  for (let step = 1; step <= bytes.length; step += 1) {
    expect(decode(bytes, step)).toEqual({
      streams: { 1: "hello world", 2: "oops" },
      controls: [
        [frameTypes.started, '{"Id":"a","Warnings":[]}'],
        [frameTypes.stdinEnd, ""],
        [frameTypes.exited, '{"StatusCode":3}'],
      ],
      aligned: true,
    });
  }
});

test("a stream frame of any length passes without being kept", () => {
  let total = 0;
  const decoder = new FrameDecoder({
    part: (_type, piece) => {
      total += piece.length;
    },
    control: () => undefined,
  });
  decoder.push(new Uint8Array([1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]));
  for (let pieces = 0; pieces < 100; pieces += 1) decoder.push(new Uint8Array(1000));
  expect(total).toBe(100_000);
  expect(decoder.aligned).toBe(false);
});

test("a header that is none is refused", () => {
  expect(() => decode(new Uint8Array([1, 1, 0, 0, 0, 0, 0, 0]), 3)).toThrow(TiffinError);
  const long = new Uint8Array(8);
  long[0] = frameTypes.resize;
  new DataView(long.buffer).setUint32(4, limitControlBytes + 1);
  expect(() => decode(long, 8)).toThrow(
    new TiffinError(
      "invalid",
      "stream.frame-invalid",
      "invalid frame of type 33: 65537 bytes, at most 65536 wanted",
    ),
  );
});
