import { describe, expect, test } from "bun:test";
import { AnswerBody, bodyFraming, decodeHead, headEnd } from "./response-parser.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Reads a whole response that arrives in pieces of `size` bytes. */
function read(text: string, size: number, method = "GET") {
  const bytes = encoder.encode(text);
  let received = new Uint8Array(0);
  let body = "";
  let head: ReturnType<typeof decodeHead> | undefined;
  let bodyDecoder: AnswerBody | undefined;
  const emit = (chunk: Uint8Array): void => {
    body += decoder.decode(chunk, { stream: true });
  };
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    if (bodyDecoder !== undefined) {
      bodyDecoder.push(piece, emit);
      continue;
    }
    received = new Uint8Array([...received, ...piece]);
    const end = headEnd(received);
    if (end < 0) continue;
    head = decodeHead(received.subarray(0, end));
    bodyDecoder = new AnswerBody(bodyFraming(head, method));
    bodyDecoder.push(received.subarray(end), emit);
  }
  bodyDecoder?.finish();
  return { status: head?.status, headers: head?.headers, body };
}

const length = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a:2\r\n\r\nhello";
const chunked =
  "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;ext=1\r\n \r\nA\r\nworld12345\r\n0\r\nTrailer: x\r\n\r\n";
const untilClose = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello world";

describe("complete responses, in pieces of any size", () => {
  for (const size of [1, 2, 3, 7, 50, 1000]) {
    test(`${size} bytes`, () => {
      expect(read(length, size)).toMatchObject({ status: 200, body: "hello" });
      expect(read(length, size).headers?.get("x-a")).toBe("1, 2");
      expect(read(chunked, size)).toMatchObject({ status: 201, body: "hello world12345" });
      expect(read(untilClose, size)).toMatchObject({ status: 200, body: "hello world" });
      expect(read("HTTP/1.1 304 Not Modified\r\n\r\n", size)).toMatchObject({ status: 304, body: "" });
      expect(read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", size, "HEAD")).toMatchObject({ body: "" });
    });
  }
});

describe("what no engine sends", () => {
  test.each([
    ["HTTP/2 200 OK\r\n\r\n"],
    ["HTTP/1.1 20 OK\r\n\r\n"],
    ["HTTP/1.1 2000 OK\r\n\r\n"],
    ["HTTP/1.1 999 X\r\n\r\n"],
    ["garbage\r\n\r\n"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"],
    ["HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello"],
    ["HTTP/1.1 200 OK\r\n folded: 5\r\n\r\n"],
    ["HTTP/1.1 200 OK\r\nno colon\r\n\r\n"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nab\n"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx"],
    [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${"1".repeat(2000)}`],
  ])("%j", (text) => {
    for (const size of [1, 100_000]) {
      expect(() => read(text, size)).toThrow(expect.objectContaining({ code: "client.malformed-response" }));
    }
  });

  test.each([
    ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"],
  ])("an end in mid-answer: %j", (text) => {
    expect(() => read(text, 4)).toThrow(expect.objectContaining({ code: "client.connection-lost" }));
  });
});

test("a head without end", () => {
  const head = `HTTP/1.1 200 OK\r\nX: ${"a".repeat(70_000)}`;
  expect(() => read(head, 100_000)).toThrow(expect.objectContaining({ code: "client.malformed-response" }));
});

test("random bytes give an error or nothing, never anything else", () => {
  let seed = 12345;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed % below;
  };
  for (let round = 0; round < 2000; round += 1) {
    const bytes = encoder.encode(round % 2 === 0 ? chunked : length);
    for (let change = 0; change < 1 + random(4); change += 1) bytes[random(bytes.length)] = random(256);
    try {
      read(decoder.decode(bytes), 1 + random(20));
    } catch (thrown) {
      const code = thrown instanceof Error && "code" in thrown ? thrown.code : thrown;
      expect(code === "client.malformed-response" || code === "client.connection-lost" ? "" : code).toBe("");
    }
  }
});
