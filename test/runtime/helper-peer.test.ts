/** A process of root that is not the helper, at the place where the helper would be. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { decodeMessage, encodeMessage } from "../../src/abi/message.ts";
import { sealedMemfd } from "../../src/kernel/memfd.ts";
import { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { pollIn, waitFor } from "../../src/kernel/poll.ts";
import { receiveWithFds, sendWithFds } from "../../src/kernel/send-fds.ts";
import { SyscallError, syscall } from "../../src/kernel/syscall.ts";
import { listenUnix } from "../../src/kernel/unix-listener.ts";
import { Bundle, specOf } from "./bundle.ts";
import { helpers, isRoot, ownHelper } from "./own-helper.ts";

const { program, call } = ownHelper();
const cloexec = 0o2000000;
const limitMs = 10_000;

function socketName(): string {
  const { dev, ino, mtimeNs } = statSync(program, { bigint: true });
  return [dev, ino, mtimeNs].map((number) => number.toString(16).padStart(16, "0")).join("");
}

/** Answers one front as a helper would, and sends it a program of its own to become. What it was asked. */
function deceive(listener: OwnedFd, evil: OwnedFd): string {
  if (!waitFor(listener, pollIn, limitMs)) throw new Error("nobody came");
  using front = new OwnedFd(syscall("accept4", "front", listener.raw, 0, 0, cloexec), "front");
  try {
    sendWithFds(front, encodeMessage("hello", {}), []);
    if (!waitFor(front, pollIn, limitMs)) throw new Error("the front says nothing and stays");
    const buffer = new Uint8Array(256 * 1024);
    const { length, fds } = receiveWithFds(front, buffer, 3);
    for (const fd of fds) fd[Symbol.dispose]();
    if (length > 0) sendWithFds(front, encodeMessage("become", { keepSignals: 0 }), [evil]);
    return decodeMessage(buffer.subarray(0, length))?.message.name ?? "nothing";
  } catch (thrown) {
    // It has left before the greeting came, or without reading it.
    if (thrown instanceof SyscallError && ["EPIPE", "ECONNRESET"].includes(thrown.code)) return "nothing";
    throw thrown;
  }
}

test.skipIf(!isRoot)(
  "whoever listens in the helper's place and is not the program is asked nothing",
  async () => {
    await using bundle = new Bundle(program);
    const reached = join(bundle.directory, "reached");
    const script = new TextEncoder().encode(`#!/bin/sh\necho deceived > ${reached}\n`);
    using evil = sealedMemfd("evil", script, { executable: true });
    bundle.configure(specOf(["/bin/true"]));
    mkdirSync(helpers, { recursive: true, mode: 0o700 });
    using listener = listenUnix(helpers, socketName(), 4);
    const asked = call(bundle, ["run", bundle.id], { TIFFIN_RUNTIME_HELPER: "1" });
    expect(deceive(listener, evil)).toBe("nothing");
    expect(await asked).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(existsSync(reached)).toBe(false);
  },
);
