import { expect, test } from "bun:test";
import type { ByteDuplex, DuplexHandlers } from "../lib/byte-duplex.ts";
import { WebSocketDuplex } from "./websocket-duplex.ts";

/** The wire under a WebSocket: what was written, and what the peer sends. */
class Wire implements ByteDuplex {
  readonly written: Uint8Array[] = [];
  handlers: DuplexHandlers | undefined;
  ended = false;
  listen(handlers: DuplexHandlers): void {
    this.handlers = handlers;
  }
  write(chunk: Uint8Array): boolean {
    this.written.push(chunk.slice());
    return true;
  }
  end(): void {
    this.ended = true;
  }
  destroy(): void {}
  pause(): void {}
  resume(): void {}
}

function masked(first: number, payload: Uint8Array, mask = [1, 2, 3, 4]): Uint8Array {
  const { length } = payload;
  const size =
    length < 126
      ? [length]
      : length < 65_536
        ? [126, length >> 8, length & 255]
        : [127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255];
  const [short = 0, ...long] = size;
  return Uint8Array.from([
    first,
    0x80 | short,
    ...long,
    ...mask,
    ...payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0)),
  ]);
}

function open(): { wire: Wire; text: () => string; ends: () => number; socket: WebSocketDuplex } {
  const wire = new Wire();
  const socket = new WebSocketDuplex(wire);
  const pieces: Uint8Array[] = [];
  let ends = 0;
  socket.listen({
    data: (piece) => pieces.push(piece.slice()),
    end: () => (ends += 1),
    close: () => undefined,
  });
  return { wire, socket, text: () => Buffer.concat(pieces).toString(), ends: () => ends };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("messages of every length and in fragments are one stream, whatever the pieces they come in", () => {
  const long = "x".repeat(300);
  const longest = "y".repeat(70_000);
  const sent = Buffer.concat([
    masked(0x82, bytes("one ")),
    masked(0x02, bytes("two ")),
    masked(0x89, bytes("in between")),
    masked(0x80, bytes("three")),
    masked(0x81, bytes(long)),
    masked(0x82, bytes("")),
    masked(0x82, bytes(longest)),
  ]);
  for (const size of [1, 3, 1_000, sent.length]) {
    const { wire, text } = open();
    for (let at = 0; at < sent.length; at += size) wire.handlers?.data(sent.subarray(at, at + size));
    expect(text()).toBe(`one two three${long}${longest}`);
    expect(wire.written).toEqual([Uint8Array.from([0x8a, 10, ...bytes("in between")])]);
  }
});

test("what is written leaves as binary messages, with the length that fits", () => {
  const { wire, socket } = open();
  for (const length of [1, 125, 126, 65_535, 65_536]) {
    socket.write(new Uint8Array(length));
    const frame = wire.written.pop();
    const head =
      length < 126
        ? [0x82, length]
        : length < 65_536
          ? [0x82, 126, length >> 8, length & 255]
          : [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0];
    expect([...(frame?.subarray(0, head.length) ?? [])]).toEqual(head);
    expect(frame?.length).toBe(head.length + length);
  }
});

test("a close is answered once and ends the stream; nothing is read or written after it", () => {
  const { wire, socket, text, ends } = open();
  wire.handlers?.data(masked(0x88, Uint8Array.of(3, 232)));
  wire.handlers?.data(masked(0x82, bytes("late")));
  socket.write(bytes("late"));
  socket.end();
  expect([text(), ends(), wire.ended]).toEqual(["", 1, true]);
  expect(wire.written).toEqual([Uint8Array.of(0x88, 2, 3, 232)]);
});

test("what breaks the protocol closes with its code", () => {
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["without a mask", Uint8Array.of(0x82, 1, 65)],
    ["reserved bits", masked(0xc2, bytes("x"))],
    ["an opcode that is none", masked(0x83, bytes("x"))],
    ["a ping in fragments", masked(0x09, bytes("x"))],
    ["a ping that is too long", masked(0x89, new Uint8Array(126))],
    [
      "a length beyond all bounds",
      Uint8Array.from([0x82, 0xff, 0xff, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4]),
    ],
  ];
  for (const [what, frame] of cases) {
    const { wire, text, ends } = open();
    wire.handlers?.data(frame);
    expect([what, text(), ends(), wire.ended]).toEqual([what, "", 1, true]);
    expect(wire.written).toEqual([Uint8Array.of(0x88, 2, 3, 234)]);
  }
});

test("after both closes the server ends the connection, and a close of one byte breaks the protocol", () => {
  for (const [payload, code] of [
    [
      [0x03, 0xe8],
      [0x03, 0xe8],
    ],
    [[], [0x03, 0xe8]],
    [[0x03], [0x03, 0xea]],
  ] as const) {
    const { wire, ends } = open();
    wire.handlers?.data(masked(0x88, Uint8Array.from(payload)));
    expect([wire.ended, ends(), wire.written]).toEqual([true, 1, [Uint8Array.from([0x88, 2, ...code])]]);
  }
});
