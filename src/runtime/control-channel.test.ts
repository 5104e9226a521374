import { expect, test } from "bun:test";
import { encodeMessage, type Message } from "../abi/message.ts";
import { MessageSplitter } from "../abi/message-splitter.ts";
import type { ByteDuplex, DuplexHandlers } from "../lib/byte-duplex.ts";
import { ControlChannel } from "./control-channel.ts";

const started = encodeMessage("started", { pid: 7, reserved: 0, cloneNs: 1n, execNs: 2n });
const exited = encodeMessage("exited", {
  pid: 7,
  waitStatus: 0,
  oomKilled: 0,
  reserved: 0,
  finishedAtNs: 3n,
});

class FakeDuplex implements ByteDuplex {
  handlers: DuplexHandlers | undefined;
  destroyed = false;
  listen(handlers: DuplexHandlers): void {
    this.handlers = handlers;
  }
  write(): boolean {
    return true;
  }
  end(): void {}
  destroy(): void {
    this.destroyed = true;
    this.handlers?.close();
  }
  pause(): void {}
  resume(): void {}
}

test("messages come out whole however the stream is cut", () => {
  const stream = new Uint8Array([...started, ...exited]);
  for (let size = 1; size <= stream.length; size += 1) {
    const splitter = new MessageSplitter();
    const names: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      splitter.push(stream.subarray(at, at + size));
      for (let next = splitter.next(); next !== undefined; next = splitter.next()) names.push(next.name);
    }
    expect(names).toEqual(["started", "exited"]);
  }
});

test("a message behind the one that a listener waited for is kept for the next listener", () => {
  const duplex = new FakeDuplex();
  const channel = new ControlChannel(duplex);
  const heard: string[] = [];
  channel.listen({
    message(message: Message) {
      heard.push(`first ${message.name}`);
      channel.hold();
    },
    closed() {},
  });
  duplex.handlers?.data(new Uint8Array([...started, ...exited]));
  duplex.handlers?.close();
  channel.listen({
    message: (message) => heard.push(`second ${message.name}`),
    closed: () => heard.push("closed"),
  });
  expect(heard).toEqual(["first started", "second exited", "closed"]);
});

test("a stream that is not an executor's is cut off", () => {
  const duplex = new FakeDuplex();
  const channel = new ControlChannel(duplex);
  const heard: string[] = [];
  channel.listen({ message() {}, closed: () => heard.push("closed") });
  duplex.handlers?.data(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n"));
  expect([duplex.destroyed, channel.closed, heard]).toEqual([true, true, ["closed"]]);
});
