/** Who is at the other end, on kernels that give a descriptor of it and on those that tell its number only. */
import { expect, test } from "bun:test";
import { temporaryDirectory } from "../../test/support/temporary-directory.ts";
import { OwnedFd } from "./owned-fd.ts";
import { hasBeenSilent, isSender, peerOf } from "./peer.ts";
import { receiveWithSender, sendWithFds } from "./send-fds.ts";
import { syscall } from "./syscall.ts";
import { listenUnix } from "./unix-listener.ts";
import { connectUnix } from "./unix-stream.ts";

const cloexec = 0o2000000;

/** A connection from this process, and what accepted it. */
function connection(): { readonly theirs: OwnedFd; readonly ours: OwnedFd } {
  using directory = temporaryDirectory("peer");
  using listener = listenUnix(directory.path, "socket", 4);
  const theirs = connectUnix(`${directory.path}/socket`).fd;
  const ours = new OwnedFd(syscall("accept4", "socket", listener.raw, 0, 0, cloexec), "accepted");
  return { theirs, ours };
}

/** The sender of what another process writes into the connection. */
async function sendByOther(theirs: OwnedFd): Promise<number> {
  const child = Bun.spawn(["sh", "-c", "echo hello"], { stdout: theirs.raw });
  await child.exited;
  return child.pid;
}

for (const byNumber of [false, true]) {
  const how = byNumber ? "by its number" : "by a descriptor";
  test(`the process that has connected is known ${how}`, () => {
    const { theirs, ours } = connection();
    using _theirs = theirs;
    using _ours = ours;
    using peer = peerOf(ours, byNumber);
    expect(peer).toMatchObject({ pid: process.pid, mustProve: byNumber });
    if (peer === undefined) return;
    expect(hasBeenSilent(ours, peer)).toBe(true);
    sendWithFds(theirs, new Uint8Array(8), [theirs]);
    const { sender, fds } = receiveWithSender(ours, new Uint8Array(64), 3);
    for (const fd of fds) fd[Symbol.dispose]();
    expect(fds.length).toBe(1);
    expect(sender).toBe(byNumber ? process.pid : undefined);
    expect(isSender(peer, sender)).toBe(true);
  });
}

test("by its number alone, what another process says in its name is not taken for its own", async () => {
  const { theirs, ours } = connection();
  using _theirs = theirs;
  using _ours = ours;
  using peer = peerOf(ours, true);
  if (peer === undefined) throw new Error("no peer");
  const other = await sendByOther(theirs);
  const { sender } = receiveWithSender(ours, new Uint8Array(64), 3);
  expect(sender).toBe(other);
  expect(isSender(peer, sender)).toBe(false);
});

test("by its number alone, what was said before it was looked at proves nothing", () => {
  const { theirs, ours } = connection();
  using _theirs = theirs;
  using _ours = ours;
  sendWithFds(theirs, new Uint8Array(8), []);
  using peer = peerOf(ours, true);
  if (peer === undefined) throw new Error("no peer");
  expect(hasBeenSilent(ours, peer)).toBe(false);
});
