import { expect, test } from "bun:test";
import { parseQuery, type Question, reply } from "./message.ts";
import { Upstream } from "./upstream.ts";

function query(name: string): { readonly bytes: Uint8Array; readonly question: Question } {
  const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
  const bytes = Uint8Array.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]);
  const parsed = parseQuery(bytes);
  if (parsed.kind !== "question") throw new Error("no question");
  return { bytes, question: parsed.question };
}

const record = { type: "a", address: Uint8Array.of(192, 0, 2, 7) } as const;

interface Server extends AsyncDisposable {
  readonly port: number;
  /** The ports that questions came from. */
  readonly from: number[];
}

/** Answers by UDP what `answer` makes of a question. */
async function serve(
  hostname: string,
  answer: (bytes: Uint8Array, question: Question) => Uint8Array | undefined,
  port = 0,
): Promise<Server> {
  const from: number[] = [];
  const socket = await Bun.udpSocket({
    hostname,
    port,
    socket: {
      data(own, data, sender, address) {
        from.push(sender);
        const bytes = new Uint8Array(data);
        const parsed = parseQuery(bytes);
        const message = parsed.kind === "question" ? answer(bytes, parsed.question) : undefined;
        if (message !== undefined) own.send(message, sender, address);
      },
    },
  });
  return {
    port: socket.port,
    from,
    async [Symbol.asyncDispose]() {
      socket.close();
    },
  };
}

const found = (bytes: Uint8Array, question: Question) => reply(bytes, question, "none", [record]);
const ending = (answer: Uint8Array | undefined): string => Buffer.from(answer?.subarray(-4) ?? []).join(".");

test("a server that is silent or cannot say is passed over for the next, and its word is the last where no other has one", async () => {
  await using refusing = await serve("127.0.0.71", (bytes, question) => reply(bytes, question, "refused"));
  const { port } = refusing;
  await using silent = await serve("127.0.0.72", () => undefined, port);
  await using good = await serve("127.0.0.73", found, port);
  const upstream = new Upstream({ port, tryMs: 50 });
  const { bytes, question } = query("far.example");
  const answer = await upstream.ask(bytes, question, ["127.0.0.71", "127.0.0.72", "127.0.0.73"]);
  expect([ending(answer), answer?.subarray(0, 2)]).toEqual(["192.0.2.7", bytes.subarray(0, 2)]);
  expect([refusing.from.length, silent.from.length, good.from.length]).toEqual([1, 1, 1]);
  expect((await upstream.ask(bytes, question, ["127.0.0.71", "127.0.0.72"]))?.at(3)).toBe(0x85);
  expect(await upstream.ask(bytes, question, ["127.0.0.72"])).toBeUndefined();
  expect(silent.from.length).toBe(4);
  upstream.close();
  expect(await upstream.ask(bytes, question, ["127.0.0.73"])).toBeUndefined();
});

test("questions leave by several ports, over IPv6 too", async () => {
  await using server = await serve("127.0.0.1", found);
  const upstream = new Upstream({ port: server.port, tryMs: 1000 });
  const asked = Array.from({ length: 200 }, async (_, index) => {
    const { bytes, question } = query(`far${index}.example`);
    return ending(await upstream.ask(bytes, question, ["127.0.0.1"]));
  });
  expect(new Set(await Promise.all(asked))).toEqual(new Set(["192.0.2.7"]));
  expect(new Set(server.from).size).toBeGreaterThan(4);
  await using six = await serve("::1", found, server.port);
  const { bytes, question } = query("far.example");
  expect(ending(await upstream.ask(bytes, question, ["0:0:0:0:0:0:0:1"]))).toBe("192.0.2.7");
  expect(six.from.length).toBe(1);
  upstream.close();
});

test("a question by TCP is asked by TCP, answers may come in pieces, and whoever says nothing is not waited for long", async () => {
  const pieces = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, data) {
        const bytes = new Uint8Array(data.subarray(2));
        const parsed = parseQuery(bytes);
        if (parsed.kind !== "question" || parsed.question.name === "hush") return;
        const many = Array.from({ length: 100 }, () => record);
        const answer = reply(bytes, parsed.question, "none", many, 65_535);
        socket.write(
          Buffer.concat([Uint8Array.of(answer.length >>> 8, answer.length & 255), answer.subarray(0, 100)]),
        );
        socket.flush();
        setImmediate(() => socket.write(answer.subarray(100)));
      },
    },
  });
  const upstream = new Upstream({ port: pieces.port, tryMs: 200 });
  const { bytes, question } = query("far.example");
  const answer = await upstream.ask(bytes, question, ["127.0.0.1"], false);
  expect([answer?.length, ending(answer)]).toEqual([question.end + 1600, "192.0.2.7"]);
  const hush = query("hush");
  expect(await upstream.ask(hush.bytes, hush.question, ["127.0.0.1", "127.0.0.74"], false)).toBeUndefined();
  pieces.stop(true);
  upstream.close();
});
