import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { pause, until } from "../../test/support/until.ts";
import { processEnd } from "./exit-watch.ts";
import { openPidfd, reapChild, signalPidfd } from "./pidfd.ts";
import { spawn } from "./spawn.ts";

function start(...argv: string[]): { pid: number; pidfd: NonNullable<ReturnType<typeof openPidfd>> } {
  const pid = spawn({ executable: "/bin/sleep", argv: ["sleep", ...argv] });
  const pidfd = openPidfd(pid);
  if (pidfd === undefined) throw new Error("no pidfd");
  return { pid, pidfd };
}

test("the end of many processes is heard without polling, and no descriptor stays", async () => {
  await processEnd(start("0").pidfd);
  const before = readdirSync("/proc/self/fd").length;
  const processes = Array.from({ length: 20 }, () => start("60"));
  let ended = 0;
  const ends = processes.map(({ pidfd }) =>
    processEnd(pidfd).then(() => {
      ended += 1;
    }),
  );
  await pause(20, "none may have ended");
  expect(ended).toBe(0);
  for (const { pidfd } of processes) signalPidfd(pidfd, 9);
  await Promise.all(ends);
  for (const { pid, pidfd } of processes) {
    expect(reapChild(pid)).toEqual({ kind: "signaled", signal: 9, coreDumped: false });
    pidfd[Symbol.dispose]();
  }
  await until("the descriptors to be closed", () => readdirSync("/proc/self/fd").length <= before);
});

test("a process that has already ended", async () => {
  const { pid, pidfd } = start("0");
  await processEnd(pidfd);
  await processEnd(pidfd);
  expect(reapChild(pid)).toEqual({ kind: "exited", code: 0 });
  pidfd[Symbol.dispose]();
});

test("a signal that outlives what is waited for keeps nothing of it", async () => {
  const { signal } = new AbortController();
  let listening = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listening += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listening -= 1;
    remove(...args);
  };
  const { pid, pidfd } = start("0.05");
  expect(await processEnd(pidfd, signal)).toBe(true);
  expect(reapChild(pid)).toEqual({ kind: "exited", code: 0 });
  pidfd[Symbol.dispose]();
  expect(listening).toBe(0);
});
