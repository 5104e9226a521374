import { expect, test } from "bun:test";
import { findHeadEnd, limitHeaderCount, parseRequestHead } from "./http-head.ts";
import { HttpProblem } from "./http-problem.ts";

function statusFor(text: string): number {
  try {
    parseRequestHead(text);
  } catch (thrown) {
    if (thrown instanceof HttpProblem) return thrown.status;
    throw thrown;
  }
  return 200;
}

test("a usual request is parsed", () => {
  const head = parseRequestHead(
    "POST /v1.50/containers/create?name=a HTTP/1.1\r\nHost: docker\r\nContent-Length: 12\r\nAccept: a\r\nACCEPT:  b  ",
  );
  expect(head.method).toBe("POST");
  expect(head.target).toBe("/v1.50/containers/create?name=a");
  expect(head.headers.get("accept")).toBe("a, b");
  expect(head.body).toEqual({ kind: "length", bytes: 12 });
  expect(head.keepAlive).toBe(true);
  expect(head.upgrade).toBeUndefined();
});

test("an upgrade needs both fields", () => {
  expect(parseRequestHead("POST / HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: TCP").upgrade).toBe(
    "tcp",
  );
  expect(parseRequestHead("POST / HTTP/1.1\r\nUpgrade: tcp").upgrade).toBeUndefined();
});

test("the absolute form of a target loses its authority", () => {
  expect(parseRequestHead("GET http://docker/info?x=1 HTTP/1.1").target).toBe("/info?x=1");
  expect(parseRequestHead("GET http://docker HTTP/1.1").target).toBe("/");
});

test.each([
  ["two equal lengths", "POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2", 400],
  ["two lengths", "POST / HTTP/1.1\r\nContent-Length: 2\r\ncontent-length: 5", 400],
  ["a list of lengths", "POST / HTTP/1.1\r\nContent-Length: 2, 2", 400],
  ["length and chunks", "POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked", 400],
  ["a signed length", "POST / HTTP/1.1\r\nContent-Length: +2", 400],
  ["a hexadecimal length", "POST / HTTP/1.1\r\nContent-Length: 0x2", 400],
  ["an empty length", "POST / HTTP/1.1\r\nContent-Length:", 400],
  ["another coding", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked", 501],
  ["a coding hidden by a control character", "POST / HTTP/1.1\r\nTransfer-Encoding: \x0bchunked", 400],
  ["two codings", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400],
  ["chunks in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked", 400],
  ["a space before the colon", "POST / HTTP/1.1\r\nContent-Length : 2", 400],
  ["a folded line", "GET / HTTP/1.1\r\nA: b\r\n c", 400],
  ["a bare line feed", "GET / HTTP/1.1\nHost: a", 400],
  ["a bare line feed in a value", "GET / HTTP/1.1\r\nA: b\nContent-Length: 5", 400],
  ["a bare carriage return", "GET / HTTP/1.1\r\nA: b\rc", 400],
  ["a zero byte", "GET / HTTP/1.1\r\nA: b\0c", 400],
  ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b", 400],
  ["two spaces", "GET  / HTTP/1.1", 400],
  ["no version", "GET /", 400],
  ["HTTP/2", "PRI * HTTP/2.0", 505],
  ["asterisk form", "OPTIONS * HTTP/1.1", 400],
  ["authority form", "CONNECT a:80 HTTP/1.1", 400],
  ["an unknown expectation", "GET / HTTP/1.1\r\nExpect: gold", 417],
  ["a long target", `GET /${"a".repeat(20_000)} HTTP/1.1`, 414],
  ["too many fields", `GET / HTTP/1.1${"\r\nA: b".repeat(limitHeaderCount + 1)}`, 431],
  ["as many fields as allowed", `GET / HTTP/1.1${"\r\nA: b".repeat(limitHeaderCount)}`, 200],
])("%s", (_what, text, status) => {
  expect(statusFor(text)).toBe(status);
});

test("the end of a head is found wherever it is cut", () => {
  const bytes = Buffer.from("GET / HTTP/1.1\r\nA: b\r\n\r\nrest");
  const end = bytes.indexOf("\r\n\r\n");
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const early = findHeadEnd(bytes.subarray(0, cut), 0);
    expect(early).toBe(cut >= end + 4 ? end : -1);
    if (early === -1) expect(findHeadEnd(bytes, cut - 3)).toBe(end);
  }
});

test("mutated heads are refused or understood, nothing else", () => {
  const seed =
    "POST /v1.50/exec/abc/start?h=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 5";
  let state = 12345;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state % below;
  };
  for (let round = 0; round < 20_000; round += 1) {
    const characters = [...seed];
    for (let change = random(4); change >= 0; change -= 1) {
      characters.splice(random(characters.length), random(3), String.fromCharCode(random(256)));
    }
    const text = characters.join("");
    const status = statusFor(text);
    expect([200, 400, 414, 417, 431, 501, 505]).toContain(status);
    if (status === 200) {
      const { body, headers } = parseRequestHead(text);
      // Whatever was understood, there is one way only to tell where the body ends.
      expect(headers.has("content-length") && headers.has("transfer-encoding")).toBe(false);
      if (body.kind === "length") expect(Number.isSafeInteger(body.bytes)).toBe(true);
    }
  }
});
