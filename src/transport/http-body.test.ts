import { expect, test } from "bun:test";
import { BodyDecoder } from "./http-body.ts";
import type { BodyLength } from "./http-head.ts";
import { HttpProblem } from "./http-problem.ts";

const chunked: BodyLength = { kind: "chunked" };

/** Decodes `text` cut into pieces of `step` bytes. */
function decode(
  length: BodyLength,
  text: string,
  step: number,
): { body: string; rest: string; done: boolean } {
  const decoder = new BodyDecoder(length);
  const bytes = Buffer.from(text, "latin1");
  let body = "";
  for (let at = 0; at < bytes.length; at += step) {
    const piece = bytes.subarray(at, at + step);
    const used = decoder.push(piece, (part) => {
      body += Buffer.from(part).toString("latin1");
    });
    if (used < piece.length) return { body, rest: text.slice(at + used), done: decoder.done };
  }
  return { body, rest: "", done: decoder.done };
}

test("a body of known length ends there", () => {
  for (const step of [1, 2, 3, 100]) {
    expect(decode({ kind: "length", bytes: 5 }, "helloGET /", step)).toEqual({
      body: "hello",
      rest: "GET /",
      done: true,
    });
  }
  expect(new BodyDecoder({ kind: "length", bytes: 0 }).done).toBe(true);
});

test("chunks are joined, extensions and trailers dropped, however they are cut", () => {
  const text = "5;a=b\r\nhello\r\n0001\r\n!\r\n0\r\nX: y\r\n\r\nGET /";
  for (let step = 1; step < text.length; step += 1) {
    expect(decode(chunked, text, step)).toEqual({ body: "hello!", rest: "GET /", done: true });
  }
});

test("an unfinished body is not done", () => {
  expect(decode(chunked, "5\r\nhel", 2)).toEqual({ body: "hel", rest: "", done: false });
  expect(decode(chunked, "0\r\n", 2).done).toBe(false);
});

test.each([
  ["a negative size", "-5\r\nhello"],
  ["no size", "\r\nhello"],
  ["a size that is no number", "5g\r\nhello"],
  ["a prefixed size", "0x5\r\nhello"],
  ["a huge size", "fffffffffffff\r\n"],
  ["a bare line feed after the size", "5\nhello"],
  ["too much data", "5\r\nhello!\r\n0\r\n\r\n"],
  ["a bare line feed after the data", "5\r\nhello\n0\r\n\r\n"],
  ["an endless line", `5;${"a".repeat(5000)}`],
  ["endless trailers", `0\r\n${`A: ${"b".repeat(1000)}\r\n`.repeat(20)}`],
])("%s is refused", (_what, text) => {
  for (const step of [1, 7, 10_000]) expect(() => decode(chunked, text, step)).toThrow(HttpProblem);
});

test("random bytes end in a problem, a body, or the wish for more", () => {
  let state = 99;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  const alphabet = "0123456789abcdef;\r\n\r\n\r\n -xG\0";
  for (let round = 0; round < 20_000; round += 1) {
    const text = Array.from({ length: random(30) }, () => alphabet[random(alphabet.length)]).join("");
    try {
      expect(decode(chunked, text, 1 + random(5)).body.length).toBeLessThanOrEqual(text.length);
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(HttpProblem);
    }
  }
});
