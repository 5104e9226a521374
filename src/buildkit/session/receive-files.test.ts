import { expect, test } from "bun:test";
import type { Method } from "../grpc/server.ts";
import { type FileStat, fileStat, type Packet, packet, packetTypes } from "../messages/file-sync.ts";
import { encodeGoMode } from "../messages/go-mode.ts";
import { fakeSession } from "../testing/fake-client.ts";
import { receiveFiles } from "./receive-files.ts";

const path = "/moby.filesync.v1.FileSync/DiffCopy";
const file = encodeGoMode({ type: "file", mode: 0o644 });
const directory = encodeGoMode({ type: "directory", mode: 0o755 });

function stat(name: string, mode = file, more: Partial<FileStat> = {}): Packet {
  return packet.of({ type: packetTypes.stat, stat: fileStat.of({ path: name, mode, ...more }) });
}
const lastStat = packet.of({ type: packetTypes.stat });

/** Sends these, then answers requests with what `contents` says, by number. */
function sender(
  first: readonly Packet[],
  contents: Readonly<Record<number, readonly string[]>> = {},
): Method {
  return async function* (messages) {
    for (const one of first) yield packet.encode(one);
    for await (const bytes of messages) {
      const { type, id } = packet.decode(bytes);
      if (type === packetTypes.end) {
        yield packet.encode({ type: packetTypes.end });
        return;
      }
      for (const piece of contents[id] ?? []) {
        yield packet.encode({ type: packetTypes.data, id, data: Buffer.from(piece) });
      }
      yield packet.encode({ type: packetTypes.data, id });
    }
  };
}

interface Received {
  readonly entries: string[];
  readonly contents: Record<string, string>;
  readonly failure: unknown;
}

async function receive(method: Method, signal = new AbortController().signal): Promise<Received> {
  const entries: string[] = [];
  const contents: Record<string, string> = {};
  const session = fakeSession({ [path]: method });
  const receiver = {
    entry(name: string, { mode }: FileStat) {
      entries.push(name);
      return mode === file;
    },
    content(name: string, piece: Uint8Array) {
      contents[name] = `${contents[name] ?? ""}${Buffer.from(piece).toString()}`;
    },
    endOfFile(name: string) {
      contents[name] ??= "";
    },
  };
  const failure = await receiveFiles(session, { name: "context" }, receiver, signal).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  session.connection.destroy();
  return { entries, contents, failure };
}

test("entries come in order, and the content of those that are wanted", async () => {
  const first = [stat("a"), stat("d", directory), stat("d/b"), stat("d/c", directory), stat("e"), lastStat];
  const received = await receive(sender(first, { 0: ["lun", "ch"], 2: ["b"] }));
  expect(received).toEqual({
    entries: ["a", "d", "d/b", "d/c", "e"],
    contents: { a: "lunch", "d/b": "b", e: "" },
    failure: undefined,
  });
});

test("what was asked for is said in header fields, byte by byte", async () => {
  const heard: Record<string, string> = {};
  const session = fakeSession({
    [path]: async function* (messages, { metadata }) {
      for (const [name, value] of metadata) heard[name] = value;
      yield packet.encode(lastStat);
      for await (const _ of messages) yield packet.encode({ type: packetTypes.end });
    },
  });
  const receiver = { entry: () => false, content() {}, endOfFile() {} };
  const wanted = { name: "context", exclude: ["*.o", "a,b"], follow: ["straße"] };
  await receiveFiles(session, wanted, receiver, new AbortController().signal);
  expect(heard).toMatchObject({
    "dir-name": "context",
    "exclude-patterns": "*.o, a,b",
    followpaths: Buffer.from("straße").toString("latin1"),
  });
  session.connection.destroy();
});

const hostile: Readonly<Record<string, readonly Packet[]>> = {
  "a path that goes up": [stat("../a")],
  "a path that goes up in the middle": [stat("a", directory), stat("a/../../b")],
  "an absolute path": [stat("/etc/passwd")],
  "an empty path": [stat("")],
  "a zero byte": [stat("a\0b")],
  "a name twice": [stat("a"), stat("a")],
  "a name out of order": [stat("b"), stat("a")],
  "a file below a file": [stat("a"), stat("a/b")],
  "a file below nothing": [stat("a/b")],
  "a file below what was left": [stat("a", directory), stat("b"), stat("a/c")],
  "a name of 256 bytes": [stat("a".repeat(256))],
  "content that nobody asked for": [packet.of({ type: packetTypes.data, id: 7, data: Buffer.from("x") })],
  "an end before everything has come": [stat("a"), packet.of({ type: packetTypes.end })],
  "a packet of no known type": [packet.of({ type: 99 })],
  "an entry after the last one": [lastStat, stat("a")],
};
for (const [what, first] of Object.entries(hostile)) {
  test(`${what} ends it`, async () => {
    const { failure } = await receive(sender(first));
    expect(failure).toMatchObject({ code: "buildkit.files" });
  });
}

test("names of files whose content never comes are not kept without an end", async () => {
  const session = fakeSession({ [path]: sender([stat("a".repeat(200)), stat("b".repeat(200)), lastStat]) });
  const receiver = { entry: () => true, content() {}, endOfFile() {} };
  const { signal } = new AbortController();
  const failure = await receiveFiles(session, { name: "context" }, receiver, signal, 300).catch(
    (thrown: unknown) => String(thrown),
  );
  session.connection.destroy();
  expect(failure).toContain("too many files wait for their content");
});

test("what the client says about its failure is told", async () => {
  const first = [packet.of({ type: packetTypes.error, data: Buffer.from("no such lunch") })];
  const { failure } = await receive(sender(first));
  expect(String(failure)).toContain("no such lunch");
});

test("a client that goes in the middle ends it", async () => {
  const { failure } = await receive(async function* () {
    yield packet.encode(stat("a"));
    throw new Error("gone");
  });
  expect(String(failure)).toContain("gone");
});

test("a client that says nothing is left when nobody waits any more", async () => {
  const abort = new AbortController();
  const silent: Method = async function* (messages) {
    queueMicrotask(() => abort.abort());
    for await (const _ of messages);
  };
  const { failure } = await receive(silent, abort.signal);
  expect(failure).toMatchObject({ code: 1 });
});

test("a session that offers no files is not asked for them", async () => {
  const session = fakeSession({});
  const receiver = { entry: () => false, content() {}, endOfFile() {} };
  const failed = receiveFiles(session, { name: "context" }, receiver, new AbortController().signal);
  expect(failed).rejects.toMatchObject({ code: "buildkit.no-files" });
  await failed.catch(() => {});
  session.connection.destroy();
});
