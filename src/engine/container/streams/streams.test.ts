import { expect, test } from "bun:test";
import { pause } from "../../../../test/support/until.ts";
import type { ByteDuplex, DuplexHandlers } from "../../../lib/byte-duplex.ts";
import { EndingStream } from "../../exec/ending-stream.ts";
import { SpokenStream } from "../../exec/spoken-stream.ts";
import { PendingStream } from "./pending-stream.ts";

/** Writes down what is done to it. */
class Recorder implements ByteDuplex {
  readonly done: string[] = [];
  handlers: DuplexHandlers | undefined;

  listen(handlers: DuplexHandlers): void {
    this.handlers = handlers;
    this.done.push("listen");
  }
  write(chunk: Uint8Array): boolean {
    this.done.push(`write ${Buffer.from(chunk)}`);
    return true;
  }
  end(): void {
    this.done.push("end");
  }
  destroy(): void {
    this.done.push("destroy");
  }
  pause(): void {
    this.done.push("pause");
  }
  resume(): void {
    this.done.push("resume");
  }
}

function listener(): { readonly heard: string[]; readonly handlers: DuplexHandlers } {
  const heard: string[] = [];
  return {
    heard,
    handlers: {
      data: (chunk) => heard.push(String(Buffer.from(chunk))),
      end: () => heard.push("<end>"),
      close: () => heard.push("<close>"),
    },
  };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("what a client does before the start is done to the real stream", () => {
  const pending = new PendingStream(7);
  const { handlers } = listener();
  pending.listen(handlers);
  pending.write(bytes("typed"));
  pending.pause();
  pending.end();
  const real = new Recorder();
  pending.connect(real);
  expect(real.done).toEqual(["pause", "write typed", "end", "listen"]);
  pending.resume();
  pending.destroy();
  expect(real.done.slice(4)).toEqual(["resume", "destroy"]);
});

test("a client that left is not connected, a start that never comes ends the stream", () => {
  const left = new PendingStream(7);
  left.destroy();
  expect(left.abandoned).toBe(true);
  const real = new Recorder();
  left.connect(real);
  expect(real.done).toEqual(["destroy"]);
  const forgotten = new PendingStream(7);
  const { heard, handlers } = listener();
  forgotten.listen(handlers);
  forgotten.abandon();
  expect(heard).toEqual(["<end>", "<close>"]);
  const late = listener();
  forgotten.listen(late.handlers);
  expect(late.heard).toEqual(["<end>", "<close>"]);
});

test("much typed ahead asks the writer to wait", () => {
  const pending = new PendingStream(7);
  expect(pending.write(new Uint8Array(100_000))).toBe(true);
  expect(pending.write(new Uint8Array(200_000))).toBe(false);
});

test("an ending stream holds its end back, but not for a client that left", async () => {
  const real = new Recorder();
  const before = Promise.withResolvers<void>();
  const stream = new EndingStream(real, before.promise);
  const { heard, handlers } = listener();
  stream.listen(handlers);
  real.handlers?.data(bytes("output"));
  real.handlers?.end();
  real.handlers?.close();
  expect(heard).toEqual(["output"]);
  before.resolve();
  await pause(0, "what was promised is told in a later turn");
  expect(heard).toEqual(["output", "<end>", "<close>"]);
  const impatient = new EndingStream(real, new Promise(() => {}));
  const second = listener();
  impatient.listen(second.handlers);
  impatient.destroy();
  real.handlers?.close();
  expect(second.heard).toEqual(["<close>"]);
});

test("a spoken stream says its text once, framed without a terminal", () => {
  const stream = new SpokenStream("no", false);
  const { heard, handlers } = listener();
  stream.listen(handlers);
  expect(heard).toEqual(["\x02\0\0\0\0\0\0\x02no", "<end>", "<close>"]);
});
