import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { encodeMessage } from "../../src/abi/message.ts";
import { readAll, readUntil, writeText } from "./harness.ts";
import { runTerminal } from "./session.ts";

test("the program has a controlling terminal of the asked size before it runs", () => {
  using session = runTerminal(
    "stty size; tty; ls -l /dev/console | cut -c1; ps -o pid,tty | head -n 2 >/dev/null; test -t 0 && echo terminal",
  );
  const text = readUntil(session.client, "terminal");
  expect(text).toContain("33 101\r\n");
  expect(text).toContain("/dev/pts/0\r\n");
  expect(text).toContain("c\r\n");
});

test("it is typed at, echoes, and resizes", () => {
  using session = runTerminal(
    "trap 'stty size' WINCH; echo ready; while :; do read line && echo got $line; done",
  );
  readUntil(session.client, "ready\r\n");
  writeText(session.client, "hello\n");
  expect(readUntil(session.client, "got hello\r\n")).toContain("hello\r\ngot hello\r\n");
  session.executor.controller.send(encodeMessage("resize", { rows: 20, columns: 70 }));
  writeText(session.client, "again\n");
  expect(readUntil(session.client, "got again\r\n")).toBeString();
  session.executor.controller.send(encodeMessage("signal", { number: 9 }));
  readAll(session.client);
  expect(session.executor.controller.expect("exited").fields.waitStatus).toBe(9);
});

test("a resize is seen by the program", () => {
  using session = runTerminal("echo ready; read line; stty size");
  readUntil(session.client, "ready");
  session.executor.controller.send(encodeMessage("resize", { rows: 20, columns: 70 }));
  session.executor.controller.send(encodeMessage("query", {}));
  session.executor.controller.expect("status");
  writeText(session.client, "x\n");
  expect(readUntil(session.client, "20 70\r\n")).toContain("20 70");
});

test("control-C is a signal for the foreground job", () => {
  using session = runTerminal(
    "trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.01; done",
  );
  readUntil(session.client, "ready");
  writeText(session.client, "\u0003");
  expect(new TextDecoder().decode(readAll(session.client))).toContain("interrupted\r\n");
  expect(session.executor.controller.expect("exited").fields.waitStatus).toBe(3 << 8);
});

test("all output arrives, also what was written just before the end", () => {
  for (let round = 0; round < 20; round++) {
    using session = runTerminal("seq 2000; exit 1");
    const text = new TextDecoder().decode(readAll(session.client));
    expect(text).toBe(Array.from({ length: 2000 }, (_, index) => `${index + 1}\r\n`).join(""));
    expect(session.executor.controller.expect("exited").fields.waitStatus).toBe(1 << 8);
    session.executor.reap();
  }
});

test("a program that closes its terminal for a moment keeps it", () => {
  using session = runTerminal(
    "exec <&- >&- 2>&-; sleep 0.05; exec </dev/console >/dev/console 2>&1; echo back; exit 0",
  );
  expect(readUntil(session.client, "back\r\n")).toContain("back");
});

test("with init the main process is the session leader", () => {
  using session = runTerminal("trap : INT; cut -d' ' -f1,6 /proc/self/stat; echo $$; read line", "early");
  // Fields 1 and 6 of stat: pid and session of `cut`; the session is the shell's, process 2.
  expect(readUntil(session.client, "\r\n2\r\n")).toMatch(/^\d+ 2\r\n2\r\n$/);
});

test("with init after the terminal, control-C signals the main process once", () => {
  using session = runTerminal(
    "trap 'echo interrupted' INT; echo ready; while :; do read line && echo got $line; done",
    "late",
  );
  readUntil(session.client, "ready");
  writeText(session.client, "\u0003");
  readUntil(session.client, "interrupted");
  writeText(session.client, "end\n");
  const rest = readUntil(session.client, "got end");
  expect(rest).not.toContain("interrupted");
});

test("the terminal leaves nothing in the host's devpts", () => {
  const before = readdirSync("/dev/pts");
  using session = runTerminal("echo ready; read line");
  readUntil(session.client, "ready");
  expect(readdirSync("/dev/pts")).toEqual(before);
});
