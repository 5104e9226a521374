import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { decodeMessage, encodeMessage } from "../../src/abi/message.ts";
import { openPidfd, signalPidfd } from "../../src/kernel/pidfd.ts";
import { pollIn, waitFor } from "../../src/kernel/poll.ts";
import { receiveWithFds } from "../../src/kernel/send-fds.ts";
import { readUntil, writeText } from "./harness.ts";
import { at, slots } from "./plans.ts";
import { runScript, Session } from "./session.ts";

const exited = (code: number): number => code << 8;

test("a container runs with all namespaces and its exit code comes back", () => {
  const ended = runScript("echo out; echo err >&2; echo $$; cat /proc/sys/kernel/hostname; exit 7");
  expect(ended).toEqual({
    stdout: "out\n1\nbox\n",
    stderr: "err\n",
    waitStatus: exited(7),
    oomKilled: false,
  });
});

test("the namespaces are new ones", () => {
  const names = ["mnt", "pid", "uts", "ipc", "net", "cgroup"];
  const { stdout } = runScript(`for n in ${names.join(" ")}; do readlink /proc/self/ns/$n; done`);
  const inside = stdout.trim().split("\n");
  expect(inside).toHaveLength(names.length);
  for (const [index, name] of names.entries())
    expect(inside[index]).not.toBe(readlinkSync(`/proc/self/ns/${name}`));
});

test("only descriptors 0 to 2 reach the program", () => {
  // ls itself opens the directory as 3.
  const { stdout } = runScript("exec ls /proc/self/fd");
  expect(stdout).toBe("0\n1\n2\n3\n");
});

test("a preserved descriptor arrives under its number, whatever lay there before", () => {
  using session = new Session();
  const extra = [3, 9].flatMap((fd) => at("child", { op: "dup2", fields: { slot: slots.outW, fd } }));
  session.start({ arguments: ["sh", "-c", "echo three >&3; echo nine >&9; ls /proc/self/fd"], extra });
  expect(session.finish().stdout).toBe("three\nnine\n0\n1\n2\n3\n4\n9\n");
});

test("signal dispositions, mask and umask are the defaults", () => {
  const { stdout } = runScript("grep -E '^(SigBlk|SigIgn|SigCgt)' /proc/self/status; umask");
  expect(stdout).toBe(
    "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n0022\n",
  );
});

test("masked paths are empty or the null device, read-only ones refuse writes", () => {
  const { stdout, stderr } = runScript(
    "cat /proc/meminfo | wc -c; ls /proc/irq | wc -l; echo 1 > /proc/sys/vm/swappiness",
  );
  expect(stdout).toBe("0\n0\n");
  expect(stderr).toContain("Read-only file system");
});

test("environment and arguments arrive exactly", () => {
  using session = new Session();
  session.start({ arguments: ["env"], environment: ["A=1", "B=two words", "C="] });
  expect(session.finish().stdout).toBe("A=1\nB=two words\nC=\n");
});

test("candidates are tried in order", () => {
  using session = new Session();
  session.start({
    arguments: ["echo", "found"],
    candidates: ["/nowhere/echo", "/etc/hosts/echo", "/bin/echo"],
  });
  expect(session.finish().stdout).toBe("found\n");
});

test("a signal reaches the main process and its death is told", () => {
  using session = new Session();
  session.start({ arguments: ["sleep", "1000"] });
  session.executor.controller.send(encodeMessage("signal", { number: 9 }));
  expect(session.finish().waitStatus).toBe(9);
});

test("init is PID 1, forwards signals, reaps orphans and leaves as the main process does", () => {
  using session = new Session();
  const script =
    "trap 'echo caught; exit 5' TERM; echo pid $$; (sleep 0.01 & sleep 0.02 &) ; echo ready; while :; do sleep 0.05; done";
  session.start({ arguments: ["sh", "-c", script], init: true });
  let text = "";
  while (!text.includes("ready")) text += session.readFrame();
  expect(text).toContain("pid 2\n");
  expect(readFileSync(`/proc/${session.pid}/comm`, "utf8")).toBe("tiffin-init\n");
  expect(readdirSync(`/proc/${session.pid}/fd`)).toEqual([]);
  session.executor.controller.send(encodeMessage("signal", { number: 15 }));
  const ended = session.finish();
  expect(ended.stdout).toContain("caught\n");
  expect(ended.waitStatus).toBe(exited(5));
});

test("init turns the death of the main process by a signal into 128 + n", () => {
  expect(runScript("kill -9 $$", { init: true }).waitStatus).toBe(exited(137));
});

test("the record follows the life of the container", () => {
  using session = new Session();
  expect(session.record.state).toBe("empty");
  session.start({ arguments: ["sleep", "1000"] });
  expect(session.record).toMatchObject({ state: "running", pid: session.pid, finishedAtNs: 0n });
  session.executor.controller.send(encodeMessage("signal", { number: 15 }));
  session.executor.controller.send(encodeMessage("signal", { number: 9 }));
  session.finish();
  const { state, waitStatus, startedAtNs, finishedAtNs } = session.record;
  expect({ state, waitStatus }).toEqual({ state: "exited", waitStatus: 9 });
  expect(finishedAtNs).toBeGreaterThan(startedAtNs);
});

test("status is answered in each phase and the listener is gone at the end", () => {
  using session = new Session();
  session.executor.controller.send(encodeMessage("query", {}));
  expect(session.executor.controller.expect("status").fields).toEqual({ phase: 0, pid: 0, startedAtNs: 0n });
  expect(existsSync(session.executor.socketPath)).toBe(true);
  session.start({ arguments: ["sleep", "1000"] });
  session.executor.controller.send(encodeMessage("query", {}));
  expect(session.executor.controller.expect("status").fields).toMatchObject({ phase: 2, pid: session.pid });
  session.executor.controller.send(encodeMessage("signal", { number: 9 }));
  session.finish();
  expect(readdirSync(session.executor.directory)).toEqual([]);
});

test("a running supervisor keeps its own descriptors only and no namespace of the container", () => {
  using session = new Session();
  session.start({ arguments: ["sleep", "1000"] });
  session.executor.controller.send(encodeMessage("query", {}));
  session.executor.controller.expect("status");
  const own = `/proc/${session.executor.pid}`;
  const open = readdirSync(join(own, "fd")).map((fd) => readlinkSync(join(own, "fd", fd)));
  const kinds = open.map((target) => target.replace(/:\[\d+\]$/, "").replace(session.scratch.path, ""));
  expect(kinds.sort()).toEqual(
    [
      "/dev/null",
      "/dev/null",
      "/dev/null",
      "/logs",
      "/record",
      "/s",
      "anon_inode:[pidfd]",
      "pipe",
      "pipe",
      "pipe",
      "socket",
      "socket",
      "socket",
    ].sort(),
  );
  for (const name of ["mnt", "pid", "uts", "net", "ipc", "cgroup"]) {
    expect(readlinkSync(join(own, "ns", name))).toBe(readlinkSync(`/proc/self/ns/${name}`));
  }
  expect(readlinkSync(join(own, "cwd"))).toBe("/");
  expect(readFileSync(join(own, "comm"), "utf8")).toBe("tf-sup\n");
});

test("a controller that goes away before START ends the executor without a trace", () => {
  using session = new Session();
  session.executor.controller.socket[Symbol.dispose]();
  expect(session.executor.reap()).toBe(0);
  expect(readdirSync(session.executor.directory)).toEqual([]);
});

test("in OCI runtime mode the executor leaves and the process goes on", () => {
  using session = new Session();
  session.start({ arguments: ["sleep", "1000"], leave: true });
  expect(session.executor.reap()).toBe(0);
  expect(readdirSync(session.executor.directory)).toEqual([]);
  using left = openPidfd(session.pid);
  expect(left && signalPidfd(left, 0)).toBe(true);
  expect(readFileSync(`/proc/${session.pid}/comm`, "utf8")).toBe("sleep\n");
  if (left) signalPidfd(left, 9);
});

test("in OCI runtime mode the master of the terminal comes along with STARTED", () => {
  using session = new Session();
  session.begin({
    arguments: ["sh", "-c", "read line; echo got $line; sleep 1000"],
    leave: true,
    terminal: true,
  });
  if (!waitFor(session.executor.controller.socket, pollIn, 20_000)) throw new Error("no message");
  const bytes = new Uint8Array(32);
  const { fds } = receiveWithFds(session.executor.controller.socket, bytes, 1);
  const started = decodeMessage(bytes)?.message;
  const [master] = fds;
  if (!master) throw new Error("no descriptor came along");
  using terminal = master;
  writeText(terminal, "word\n");
  expect(readUntil(terminal, "got")).toContain("word\r\n");
  expect(session.executor.reap()).toBe(0);
  // The end of its terminal does not end the first process of a pid namespace.
  using left = started?.name === "started" ? openPidfd(started.fields.pid) : undefined;
  expect(left && signalPidfd(left, 9)).toBe(true);
});
