import { expect, test } from "bun:test";
import { createServer, type ServerHttp2Stream } from "node:http2";
import { connect } from "node:net";
import { type GrpcAnswer, GrpcCheckReader, grpcCheckRequest } from "./grpc-check.ts";

/** A server of HTTP/2 that is not ours; it is asked as the engine asks. */
async function asked(status: number | undefined, service: string) {
  const seen: { path?: string; body?: Buffer } = {};
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    seen.path = String(headers[":path"]);
    const parts: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => parts.push(chunk));
    stream.on("end", () => {
      seen.body = Buffer.concat(parts);
      stream.respond({ ":status": 200, "content-type": "application/grpc" });
      if (status === undefined) stream.end();
      else stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, status]));
    });
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const { promise, resolve } = Promise.withResolvers<GrpcAnswer>();
  const reader = new GrpcCheckReader();
  const socket = connect(address.port, "127.0.0.1");
  socket.on("data", (chunk) => {
    const { answer, reply } = reader.take(Buffer.from(chunk));
    for (const part of reply) socket.write(part);
    if (answer !== undefined) resolve(answer);
  });
  socket.write(grpcCheckRequest("127.0.0.1:1", service));
  const answer = await promise;
  socket.destroy();
  server.close();
  return { answer, seen };
}

test("a service that serves is well, and is asked by its name", async () => {
  const { answer, seen } = await asked(1, "shop");
  expect(answer).toEqual({ isServing: true, text: "SERVING" });
  expect(seen.path).toBe("/grpc.health.v1.Health/Check");
  expect(seen.body).toEqual(Buffer.from([0, 0, 0, 0, 6, 0x0a, 4, ...Buffer.from("shop")]));
});

test("one that does not serve is not, nor is one that has no answer", async () => {
  expect((await asked(2, "")).answer).toEqual({ isServing: false, text: "NOT_SERVING" });
  expect((await asked(undefined, "")).answer.isServing).toBe(false);
});

test("what is no HTTP/2 is told, in whatever pieces it comes", () => {
  const reader = new GrpcCheckReader();
  expect(reader.take(Buffer.from("HTTP/1.1 400 Bad Request\r\n")).answer?.text).toBe(
    "the answer is not gRPC",
  );
  const other = new GrpcCheckReader();
  const bytes = Buffer.from([0, 0, 7, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0x08, 1]);
  const answers = [...bytes].flatMap((byte) => other.take(Uint8Array.of(byte)).answer ?? []);
  expect(answers).toEqual([{ isServing: true, text: "SERVING" }]);
});
