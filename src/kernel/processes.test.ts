import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { readSome, readToEnd } from "./io.ts";
import { sealedMemfd } from "./memfd.ts";
import { OwnedFd } from "./owned-fd.ts";
import { openPidfd, processExists, reapChild, signalPid, signalPidfd, waitPidfd } from "./pidfd.ts";
import { openPty } from "./pty.ts";
import { socketPair } from "./socket-pair.ts";
import { type SpawnOptions, spawn } from "./spawn.ts";
import { SyscallError, syscall } from "./syscall.ts";
import { isTerminal, makeRaw, restoreTerminal, setWindowSize, windowSize } from "./tty.ts";

function pipe(): { read: OwnedFd; write: OwnedFd } {
  const pair = new Int32Array(2);
  syscall("pipe2", "pipe", pair, 0o2000000);
  return { read: new OwnedFd(pair[0] ?? -1, "pipe"), write: new OwnedFd(pair[1] ?? -1, "pipe") };
}

/** Runs a program to its end and returns what it wrote to fd 1. */
function output(options: Omit<SpawnOptions, "fds">, fds: SpawnOptions["fds"] = []): string {
  const { read, write } = pipe();
  using reader = read;
  const pid = spawn({ ...options, fds: [...fds, [write, 1]] });
  write[Symbol.dispose]();
  const text = new TextDecoder().decode(readToEnd(reader, 1 << 20));
  expect(reapChild(pid, { block: true })).toEqual({ kind: "exited", code: 0 });
  return text;
}

describe("spawn", () => {
  test("the program sees exactly its arguments, environment and directory", () => {
    const script = 'printf "%s|" "$0" "$@" "$A" "$(pwd)"; env | grep -c .';
    const options = { executable: "/bin/sh", argv: ["zero", "-c", script, "one", "two words", ""] };
    const environment = ["A=b c"];
    // The shell adds PWD by itself.
    expect(output({ ...options, env: environment, cwd: "/usr" })).toBe("one|two words||b c|/usr|2\n");
  });

  test("descriptors are the listed ones, whatever their numbers were, and nothing else", () => {
    const [left, right] = socketPair("test");
    using a = left;
    using b = right;
    const low = Math.min(a.raw, b.raw);
    // Numbers that collide crosswise with the ones held here.
    const fds = [[a, b.raw] as const, [b, a.raw] as const].filter(([, theirs]) => theirs < 64);
    const listing = output({ executable: "/bin/sh", argv: ["sh", "-c", "ls -l /proc/$$/fd"] }, fds);
    const seen = new Map(
      [...listing.matchAll(/ (\d+) -> (\S+)/g)].map((match) => [Number(match[1]), match[2]]),
    );
    expect(seen.get(0)).toBe("/dev/null");
    expect(seen.get(2)).toBe("/dev/null");
    expect(seen.get(b.raw)).toBe(readlinkSync(`/proc/self/fd/${a.raw}`));
    expect(seen.get(a.raw)).toBe(readlinkSync(`/proc/self/fd/${b.raw}`));
    expect([...seen.keys()].sort((x, y) => x - y)).toEqual([0, 1, 2, a.raw, b.raw].sort((x, y) => x - y));
    expect(low).toBeGreaterThan(2);
  });

  test("an open file is executed and is not inherited", () => {
    using program = sealedMemfd("busybox", readFileSync("/bin/ls"), { executable: true });
    const names = output({ executable: program, argv: ["ls", "/proc/self/fd"] })
      .trim()
      .split("\n");
    // 3 is the directory that ls reads.
    expect(names).toEqual(["0", "1", "2", "3"]);
  });

  test("a working directory by descriptor", () => {
    using directory = new OwnedFd(
      syscall("openat", "/usr/bin", -100, new TextEncoder().encode("/usr/bin\0"), 0o200000, 0),
      "d",
    );
    expect(output({ executable: "/bin/pwd", argv: ["pwd"], cwd: directory })).toBe("/usr/bin\n");
  });

  test("a new session, default signals and an empty mask", () => {
    const status = output({
      executable: "/bin/cat",
      argv: ["cat", "/proc/self/stat", "/proc/self/status"],
      newSession: true,
    });
    const [pid, , , , group, session] = status.replace(/\(.*?\)/, "x").split(" ");
    expect([group, session]).toEqual([pid, pid]);
    expect(/^SigBlk:\t0+$/m.test(status)).toBe(true);
    expect(/^SigIgn:\t0+$/m.test(status)).toBe(true);
  });

  test.each([
    ["/nonexistent", "ENOENT"],
    ["/etc/passwd", "EACCES"],
    ["/tmp", "EACCES"],
  ])("%s fails with %s", (executable, code) => {
    let caught: unknown;
    try {
      spawn({ executable, argv: ["x"] });
    } catch (thrown) {
      caught = thrown;
    }
    expect(caught instanceof SyscallError ? [caught.syscall, caught.code, caught.object] : caught).toEqual([
      "posix_spawn",
      code,
      executable,
    ]);
  });

  test("nothing stays open here", () => {
    output({ executable: "/bin/true", argv: ["true"] });
    const before = readdirSync("/proc/self/fd").length;
    for (let round = 0; round < 50; round += 1) output({ executable: "/bin/true", argv: ["true"] });
    expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before);
  });

  test("numbers out of range are refused before anything starts", () => {
    expect(() => spawn({ executable: "/bin/true", argv: [], fds: [[0, 64]] })).toThrow(RangeError);
    expect(() =>
      spawn({
        executable: "/bin/true",
        argv: [],
        fds: [
          [0, 5],
          [1, 5],
        ],
      }),
    ).toThrow(RangeError);
    expect(() => spawn({ executable: "/bin/tr\0ue", argv: [] })).toThrow(RangeError);
  });
});

describe("pidfd", () => {
  test("signal, wait and reap a child", () => {
    const pid = spawn({ executable: "/bin/sleep", argv: ["sleep", "60"] });
    const opened = openPidfd(pid);
    if (opened === undefined) throw new Error("no pidfd");
    using pidfd = opened;
    expect(reapChild(pid)).toBe("running");
    expect(waitPidfd(pidfd)).toBe(false);
    expect(signalPidfd(pidfd, 15)).toBe(true);
    expect(waitPidfd(pidfd, 5000)).toBe(true);
    expect(reapChild(pidfd, { keepZombie: true })).toEqual({
      kind: "signaled",
      signal: 15,
      coreDumped: false,
    });
    expect(processExists(pid)).toBe(true);
    expect(reapChild(pidfd)).toEqual({ kind: "signaled", signal: 15, coreDumped: false });
    expect(reapChild(pid)).toBe("gone");
    expect(signalPidfd(pidfd, 15)).toBe(false);
    expect(signalPid(pid, 0)).toBe(false);
    expect(openPidfd(pid)).toBeUndefined();
    expect(processExists(pid)).toBe(false);
  });

  test("an exit code, and pids that no signal may be sent to", () => {
    const pid = spawn({ executable: "/bin/sh", argv: ["sh", "-c", "exit 42"] });
    expect(reapChild(pid, { block: true })).toEqual({ kind: "exited", code: 42 });
    expect(() => signalPid(0, 9)).toThrow(RangeError);
    expect(() => signalPid(-1, 9)).toThrow(RangeError);
  });
});

describe("terminals", () => {
  test("a pty has a size, is a terminal at both ends, and a socket is none", () => {
    using pty = openPty({ rows: 30, columns: 100 });
    expect(windowSize(pty.slave)).toEqual({ rows: 30, columns: 100 });
    setWindowSize(pty.master, { rows: 5, columns: 6 });
    expect(windowSize(pty.slave)).toEqual({ rows: 5, columns: 6 });
    expect([isTerminal(pty.master), isTerminal(pty.slave)]).toEqual([true, true]);
    const [left, right] = socketPair("test");
    using a = left;
    using _ = right;
    expect([isTerminal(a), windowSize(a)]).toEqual([false, undefined]);
    expect(() => setWindowSize(pty.master, { rows: 70_000, columns: 1 })).toThrow(RangeError);
  });

  test("raw mode passes bytes unchanged, and restoring brings the line discipline back", () => {
    using pty = openPty();
    const type = (text: string): void => {
      syscall("write", "pty", pty.master.raw, new TextEncoder().encode(text), text.length);
    };
    const buffer = new Uint8Array(64);
    const state = makeRaw(pty.slave);
    type("\x03a\r");
    expect([...buffer.subarray(0, readSome(pty.slave, buffer))]).toEqual([3, 97, 13]);
    restoreTerminal(pty.slave, state);
    type("b\r");
    expect([...buffer.subarray(0, readSome(pty.slave, buffer))]).toEqual([98, 10]);
    // Restoring on something that is gone or no terminal is not worth an error.
    expect(() => restoreTerminal(9999, state)).not.toThrow();
  });
});
