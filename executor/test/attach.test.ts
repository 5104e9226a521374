import { expect, test } from "bun:test";
import { join } from "node:path";
import { encodeMessage } from "../../src/abi/message.ts";
import { attachFlags } from "../../src/abi/schema.ts";
import type { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { syscall } from "../../src/kernel/syscall.ts";
import { readAll, readSome, unframe, writeText } from "./harness.ts";
import { connectTo, Session } from "./session.ts";

const shutWrite = 1;

function endInput(client: OwnedFd): void {
  syscall("shutdown", "attach", client.raw, shutWrite);
}

function attach(session: Session, flags: number): OwnedFd {
  const controller = connectTo(session.executor.socketPath);
  controller.send(encodeMessage("attach", { flags }));
  return controller.socket;
}

/** The executor has taken all connections and messages that were sent before. */
function settle(session: Session): void {
  session.executor.controller.send(encodeMessage("query", {}));
  session.executor.controller.expect("status");
}

test("stdin reaches the program and its end too", () => {
  using session = new Session();
  session.start({ arguments: ["cat"] });
  writeText(session.client, "one\ntwo");
  endInput(session.client);
  expect(session.finish()).toMatchObject({ stdout: "one\ntwo", waitStatus: 0 });
});

test("more input than the pipe holds arrives whole", () => {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", "sleep 0.1; wc -c"] });
  // Beyond the pipe (64 KiB), within pipe, queue of one chunk and socket buffer, so that the write does not block.
  const text = "0123456789".repeat(12_000);
  writeText(session.client, text);
  endInput(session.client);
  expect(session.finish().stdout).toBe(`${text.length}\n`);
});

test("without stdinOnce the input stays open for the next client", () => {
  using session = new Session();
  session.start({ arguments: ["cat"], stdinOnce: false });
  writeText(session.client, "first ");
  endInput(session.client);
  using second = attach(session, attachFlags.stdin);
  writeText(second, "second");
  endInput(second);
  let text = "";
  while (!text.includes("second")) text += session.readFrame();
  expect(text).toBe("first second");
  session.executor.controller.send(encodeMessage("closeStdin", {}));
  expect(session.finish().waitStatus).toBe(0);
});

test("what a client sent before it left still arrives", () => {
  using session = new Session();
  session.start({ arguments: ["cat"], stdinOnce: true });
  const second = attach(session, attachFlags.stdin | attachFlags.stdout);
  writeText(second, "last words");
  second[Symbol.dispose]();
  expect(session.finish()).toMatchObject({ stdout: "last words", waitStatus: 0 });
});

test("several clients each get what they asked for", () => {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", "read go; echo out; echo err >&2"] });
  using out = attach(session, attachFlags.stdout);
  using err = attach(session, attachFlags.stderr);
  using both = attach(session, attachFlags.stdout | attachFlags.stderr);
  using none = attach(session, 0);
  settle(session);
  writeText(session.client, "go\n");
  expect(session.finish()).toMatchObject({ stdout: "out\n", stderr: "err\n" });
  expect(unframe(readAll(out))).toEqual({ stdout: "out\n", stderr: "" });
  expect(unframe(readAll(err))).toEqual({ stdout: "", stderr: "err\n" });
  expect(unframe(readAll(both))).toEqual({ stdout: "out\n", stderr: "err\n" });
  expect(readAll(none)).toHaveLength(0);
});

test("every control connection is told the exit, after the record is written", () => {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", "read go; exit 4"] });
  using other = connectTo(session.executor.socketPath);
  using third = connectTo(session.executor.socketPath);
  for (const controller of [other, third]) {
    controller.send(encodeMessage("query", {}));
    expect(controller.expect("status").fields.phase).toBe(2);
  }
  writeText(session.client, "go\n");
  for (const controller of [other, third]) {
    expect(controller.expect("exited").fields.waitStatus).toBe(4 << 8);
    expect(session.record.state).toBe("exited");
  }
  session.finish();
});

test("a connection that has said nothing gets no message, and one that just asked to attach only the stream", () => {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", "read go; exit 4"] });
  using silent = connectTo(session.executor.socketPath);
  using late = attach(session, attachFlags.stdout);
  writeText(session.client, "go\n");
  expect(session.executor.controller.expect("exited").fields.waitStatus).toBe(4 << 8);
  expect(silent.next()).toBeUndefined();
  expect(readAll(late)).toHaveLength(0);
});

test("a client that does not read holds the container back and loses nothing", () => {
  using session = new Session();
  const lines = 400_000;
  session.start({ arguments: ["sh", "-c", `read go; seq ${lines}`], clients: [{ slot: 2, flags: 7 }] });
  writeText(session.client, "go\n");
  // The container must come to a stop behind the full queue: the log does not grow any more.
  const size = (): number => Bun.file(join(session.logDirectory, "log.00000000000000000000")).size;
  let last = -1;
  for (let same = 0; same < 5; ) {
    Bun.sleepSync(20);
    same = size() === last ? same + 1 : 0;
    last = size();
  }
  expect(last).toBeGreaterThan(0);
  expect(session.record.state).toBe("running");
  const expected = Array.from({ length: lines }, (_, index) => `${index + 1}\n`).join("");
  expect(session.finish().stdout === expected).toBe(true);
});

test("a client that is gone is dropped at once and the container goes on", () => {
  using session = new Session();
  const stuck = connectStuck(session);
  writeText(session.client, "go\n");
  Bun.sleepSync(100);
  stuck[Symbol.dispose]();
  expect(session.finish().stdout).toHaveLength(2 * 400_000);
});

function connectStuck(session: Session): OwnedFd {
  session.start({ arguments: ["sh", "-c", "read go; yes | head -n 400000"] });
  const stuck = attach(session, attachFlags.stdout);
  settle(session);
  return stuck;
}

test("a client that does not read delays the news of the end by a bounded time only, and loses nothing", () => {
  using session = new Session();
  using stuck = connectStuck(session);
  writeText(session.client, "go\n");
  expect(unframe(readAll(session.client)).stdout).toHaveLength(2 * 400_000);
  session.executor.controller.expect("exited");
  expect(session.record.state).toBe("exited");
  expect(unframe(readAll(stuck)).stdout).toHaveLength(2 * 400_000);
  session.executor.reap();
});

test("what is left in the pipe behind clients that are full is theirs as well", () => {
  using session = new Session();
  const bytes = 1_250_000;
  session.start({ arguments: ["sh", "-c", `read go; yes | head -c ${bytes}`] });
  using stuck = attach(session, attachFlags.stdout);
  settle(session);
  writeText(session.client, "go\n");
  expect(unframe(readAll(session.client)).stdout).toHaveLength(bytes);
  session.executor.controller.expect("exited");
  expect(unframe(readAll(stuck)).stdout).toHaveLength(bytes);
  session.executor.reap();
});

test("a client that goes without having read what it was left ends the supervisor", () => {
  using session = new Session();
  const stuck = connectStuck(session);
  writeText(session.client, "go\n");
  readAll(session.client);
  session.executor.controller.expect("exited");
  stuck[Symbol.dispose]();
  session.executor.reap();
});

test("with logs the client learns where in the log its output begins", () => {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", "echo before; read go; echo after"] });
  expect(session.readFrame()).toBe("before\n");
  using late = attach(session, attachFlags.stdout | attachFlags.logs);
  const position = new DataView(readSome(late, 20_000, 8).buffer);
  writeText(session.client, "go\n");
  session.finish();
  expect(unframe(readAll(late)).stdout).toBe("after\n");
  expect(position.getBigUint64(0, true)).toBe(BigInt("before\n".length));
});

test("a process that closes its output ends the clients' output while it goes on", () => {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", "exec >&- 2>&-; read line; exit 6"] });
  expect(readAll(session.client)).toHaveLength(0);
  expect(session.record.state).toBe("running");
  writeText(session.client, "x\n");
  expect(session.executor.controller.expect("exited").fields.waitStatus).toBe(6 << 8);
});

test("input for a program that closed its stdin is thrown away", () => {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", "exec <&-; echo closed; sleep 0.2; echo end"] });
  expect(session.readFrame()).toBe("closed\n");
  writeText(session.client, "nobody reads this\n");
  expect(session.finish()).toMatchObject({ stdout: "end\n", waitStatus: 0 });
});

test("connections beyond the limit are refused and none of the others suffers", () => {
  using session = new Session();
  session.start({ arguments: ["sh", "-c", "read go; echo fine"] });
  const many = Array.from({ length: 110 }, () => connectTo(session.executor.socketPath));
  settle(session);
  const refused = many.filter((controller) => {
    try {
      controller.send(encodeMessage("query", {}));
      return controller.next() === undefined;
    } catch {
      return true;
    }
  });
  expect(refused.length).toBe(110 - (64 + 32 - 2));
  writeText(session.client, "go\n");
  expect(session.finish().stdout).toBe("fine\n");
  for (const controller of many) controller[Symbol.dispose]();
});
