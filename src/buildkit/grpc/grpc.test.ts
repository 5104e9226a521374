import { expect, test } from "bun:test";
import { bytesMessage } from "../messages/file-sync.ts";
import { healthRequest, healthResponse } from "../messages/session-services.ts";
import { connected } from "../testing/fake-client.ts";
import { answeredInPieces, type Method, unary } from "./server.ts";
import { CallFailed } from "./status.ts";

const echo: Method = async function* (messages) {
  for await (const bytes of messages) yield bytes;
};

test("one message goes there and one comes back", async () => {
  const connection = connected({
    "/a/Check": unary(healthRequest, healthResponse, async ({ service }) => ({ status: service.length })),
  });
  const answer = await connection.unary(
    "/a/Check",
    { as: healthRequest, value: { service: "lunch" } },
    healthResponse,
  );
  expect(answer.status).toBe(5);
  connection.destroy();
});

test("a failure keeps its code and its words", async () => {
  const connection = connected({
    "/a/Check": unary(healthRequest, healthResponse, async () => {
      throw new CallFailed(5, "no lunch: 100 % gone, für immer");
    }),
  });
  const call = connection.unary("/a/Check", { as: healthRequest, value: {} }, healthResponse);
  const failed = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(failed).toMatchObject({ code: 5, message: "no lunch: 100 % gone, für immer" });
  connection.destroy();
});

test("a method that is not there is said to be unknown", async () => {
  const connection = connected({});
  const call = connection.unary("/a/Check", { as: healthRequest, value: {} }, healthResponse);
  expect(call).rejects.toMatchObject({ code: 12 });
  await call.catch(() => {});
  connection.destroy();
});

test("megabytes go both ways in order, and the end is told", async () => {
  const connection = connected({ "/a/Echo": echo });
  const call = connection.open("/a/Echo", bytesMessage, bytesMessage);
  const sending = (async () => {
    for (let at = 0; at < 200; at += 1) await call.send({ data: new Uint8Array(100_000).fill(at) });
    call.end();
  })();
  const seen: number[] = [];
  for await (const batch of call.batches) {
    for (const { data } of batch) {
      expect(data.length).toBe(100_000);
      seen.push(data[99_999] ?? -1);
    }
  }
  await sending;
  expect(seen).toEqual(Array.from({ length: 200 }, (_, at) => at));
  connection.destroy();
});

test("an answer in many pieces stops when its reader stops", async () => {
  const stopped = Promise.withResolvers<void>();
  const connection = connected({
    "/a/Count": answeredInPieces(healthRequest, healthResponse, async function* (_, { signal }) {
      signal.addEventListener("abort", () => stopped.resolve());
      for (let status = 1; !signal.aborted; status += 1) {
        yield { status };
        await new Promise((resolve) => setImmediate(resolve));
      }
    }),
  });
  const call = connection.open("/a/Count", healthRequest, healthResponse);
  await call.send({});
  call.end();
  let count = 0;
  for await (const batch of call.batches) {
    count += batch.length;
    if (count > 10) break;
  }
  await stopped.promise;
  connection.destroy();
});

test("a message beyond the limit ends the call, not the connection", async () => {
  const connection = connected({ "/a/Echo": echo });
  const call = connection.open("/a/Echo", bytesMessage, bytesMessage, { limitBytes: 1000 });
  await call.send({ data: new Uint8Array(2000) });
  const read = (async () => {
    for await (const _ of call.batches);
  })();
  expect(read).rejects.toMatchObject({ code: 8 });
  await read.catch(() => {});
  const other = connection.open("/a/Echo", bytesMessage, bytesMessage);
  await other.send({ data: new Uint8Array(5) });
  other.end();
  let bytes = 0;
  for await (const batch of other.batches) for (const { data } of batch) bytes += data.length;
  expect(bytes).toBe(5);
  connection.destroy();
});
