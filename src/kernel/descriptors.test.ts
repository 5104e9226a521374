import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { readSome, readToEnd, writeAll } from "./io.ts";
import { sealedMemfd } from "./memfd.ts";
import { OwnedFd } from "./owned-fd.ts";
import { PollSet, pollHangup, pollIn, waitFor } from "./poll.ts";
import { receiveWithFds, sendWithFds } from "./send-fds.ts";
import { socketPair } from "./socket-pair.ts";
import { SyscallError, syscall, trySyscall } from "./syscall.ts";
import { connectUnix } from "./unix-stream.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
const openFds = (): number => readdirSync("/proc/self/fd").length;

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof SyscallError) return thrown.code;
    throw thrown;
  }
  return "none";
}

let directory = "";
beforeAll(() => {
  directory = mkdtempSync("/tmp/tiffin-test-descriptors-");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("memfd", () => {
  test("a sealed one has its content and never changes again", () => {
    using memfd = sealedMemfd("plan", bytes("abc"));
    expect(text(readToEnd(memfd, 10))).toBe("abc");
    expect(codeOf(() => writeAll(memfd, bytes("x")))).toBe("EPERM");
    expect(codeOf(() => syscall("ftruncate", "memfd", memfd.raw, 0))).toBe("EPERM");
  });

  test("reading past the limit is refused, not cut", () => {
    using memfd = sealedMemfd("big", new Uint8Array(10_001));
    expect(codeOf(() => readToEnd(memfd, 10_000))).toBe("EFBIG");
    syscall("lseek", "memfd", memfd.raw, 0, 0);
    expect(readToEnd(memfd, 10_001).length).toBe(10_001);
  });
});

describe("descriptors over a socket", () => {
  test("bytes and open files arrive together and count is kept", () => {
    const before = openFds();
    {
      const [left, right] = socketPair("test");
      using a = left;
      using b = right;
      using first = sealedMemfd("one", bytes("1"));
      using second = sealedMemfd("two", bytes("22"));
      sendWithFds(a, bytes("hello"), [first, second]);
      const buffer = new Uint8Array(64);
      const message = receiveWithFds(b, buffer, 8);
      expect(text(buffer.subarray(0, message.length))).toBe("hello");
      expect(message.fds.map((fd) => text(readToEnd(fd, 10)))).toEqual(["1", "22"]);
      for (const fd of message.fds) {
        expect(trySyscall("fcntl", fd.raw, 1)).toBe(1);
        fd[Symbol.dispose]();
      }
    }
    expect(openFds()).toBeLessThanOrEqual(before);
  });

  test("more descriptors than asked for are an error and none stays open", () => {
    const [left, right] = socketPair("test");
    using a = left;
    using b = right;
    using file = sealedMemfd("one", bytes("1"));
    sendWithFds(a, bytes("x"), Array(6).fill(file));
    const before = openFds();
    expect(codeOf(() => receiveWithFds(b, new Uint8Array(8), 2))).toBe("EMSGSIZE");
    expect(openFds()).toBeLessThanOrEqual(before);
  });

  test("a peer that is gone is EPIPE, and the end of the stream is length 0", () => {
    const [left, right] = socketPair("test");
    using a = left;
    right[Symbol.dispose]();
    expect(codeOf(() => sendWithFds(a, bytes("x"), [a]))).toBe("EPIPE");
    expect(receiveWithFds(a, new Uint8Array(8), 1)).toEqual({ length: 0, fds: [] });
  });

  test("a large payload is sent whole even to a non-blocking socket", async () => {
    const [left, right] = socketPair("test", { nonblocking: true });
    using a = left;
    using b = right;
    const size = 100_000;
    sendWithFds(a, new Uint8Array(size).fill(7), [b]);
    const buffer = new Uint8Array(size);
    let got = 0;
    while (got < size) {
      const message = receiveWithFds(b, buffer.subarray(got), 1);
      for (const fd of message.fds) fd[Symbol.dispose]();
      got += message.length;
    }
    expect(buffer.every((byte) => byte === 7)).toBe(true);
  });
});

describe("poll", () => {
  test("ready, timeout and hang-up", () => {
    const [left, right] = socketPair("test");
    using a = left;
    const set = new PollSet(2);
    set.set(0, a, pollIn);
    expect(set.wait(0)).toBe("timeout");
    writeAll(right, bytes("x"));
    expect(set.wait()).toBe("ready");
    expect([set.events(0), set.events(1)]).toEqual([pollIn, 0]);
    readSome(a, new Uint8Array(1));
    right[Symbol.dispose]();
    expect(set.wait(1000)).toBe("ready");
    expect(set.events(0) & pollHangup).toBe(pollHangup);
  });

  test("waitFor says whether it happened", () => {
    const [left, right] = socketPair("test");
    using a = left;
    using b = right;
    expect(waitFor(a, pollIn, 1)).toBe(false);
    writeAll(b, bytes("x"));
    expect(waitFor(a, pollIn, 1000)).toBe(true);
  });
});

describe("unix stream", () => {
  test.each([
    ["a short path", "echo.sock"],
    ["a path beyond sockaddr_un", `${"d".repeat(90)}/${"e".repeat(60)}.sock`],
  ])("%s", async (_, name) => {
    const path = `${directory}/${name}`;
    const at = path.slice(0, path.lastIndexOf("/"));
    await Bun.$`mkdir -p ${at}`.quiet();
    const source = `const net=require("node:net");process.chdir(${JSON.stringify(at)});net.createServer({allowHalfOpen:true},(s)=>{let t="";s.on("data",(c)=>t+=c);s.on("end",()=>{s.end("got "+t)})}).listen(${JSON.stringify(name.slice(name.lastIndexOf("/") + 1))},()=>console.log("up"))`;
    const server = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe" });
    try {
      await server.stdout.getReader().read();
      using stream = connectUnix(path);
      stream.write("ping");
      stream.endWriting();
      stream.endWriting();
      const buffer = new Uint8Array(64);
      expect(text(buffer.subarray(0, stream.read(buffer)))).toBe("got ping");
      expect(stream.read(buffer)).toBe(0);
    } finally {
      server.kill();
      await server.exited;
    }
  });

  test("no socket, nobody listening, a name without end", () => {
    const before = openFds();
    expect(codeOf(() => connectUnix(`${directory}/none.sock`))).toBe("ENOENT");
    rmSync(`${directory}/file`, { force: true });
    syscall("mknodat", "socket", -100, bytes(`${directory}/file\0`), 0o140600, 0);
    expect(codeOf(() => connectUnix(`${directory}/file`))).toBe("ECONNREFUSED");
    expect(codeOf(() => connectUnix(`${directory}/${"x".repeat(120)}`))).toBe("ENAMETOOLONG");
    expect(openFds()).toBeLessThanOrEqual(before);
  });
});

test("an owned descriptor closes once, moves, and is refused afterwards", () => {
  const [left, right] = socketPair("test");
  using a = left;
  const moved = new OwnedFd(right.take(), "moved");
  expect(() => right.raw).toThrow("used after it was closed or moved");
  right[Symbol.dispose]();
  writeAll(moved, bytes("x"));
  moved[Symbol.dispose]();
  moved[Symbol.dispose]();
  expect(readSome(a, new Uint8Array(4))).toBe(1);
  expect(readSome(a, new Uint8Array(4))).toBe(0);
});
