/**
 * Drives one executor by hand: starts it, gives it a plan with descriptors, reads its messages, and takes
 * everything away again. Synchronous on purpose: every wait is a bounded poll(2), so a test that hangs says where.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EncodableOp, encodePlan } from "../../src/abi/encode.ts";
import { decodeMessage, encodeMessage, type Message } from "../../src/abi/message.ts";
import { decodeRecord, type SupervisorRecord } from "../../src/abi/record.ts";
import { type MessageName, recordBytes } from "../../src/abi/schema.ts";
import { sealedMemfd } from "../../src/kernel/memfd.ts";
import { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { openPidfd } from "../../src/kernel/pidfd.ts";
import { pollIn, waitFor } from "../../src/kernel/poll.ts";
import { sendWithFds } from "../../src/kernel/send-fds.ts";
import { socketPair } from "../../src/kernel/socket-pair.ts";
import { spawn } from "../../src/kernel/spawn.ts";
import { cString, syscall, trySyscall } from "../../src/kernel/syscall.ts";

export const binaryPath = join(import.meta.dir, "..", "build", "tiffin-executor");
const limitMs = 20_000;

/** A directory that is removed with all in it. */
export class Scratch implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "tiffin-test-executor-"));

  directory(name: string): string {
    const path = join(this.path, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A minimal root file system: busybox under the names that the tests use. */
export function makeRootfs(scratch: Scratch): string {
  const root = scratch.directory("lower");
  for (const name of ["bin", "proc", "dev", "sys", "tmp", "etc"]) scratch.directory(join("lower", name));
  Bun.spawnSync(["cp", "/bin/busybox", join(root, "bin", "busybox")]);
  const names =
    "sh cat echo sleep true false id ls stty head seq yes kill readlink mkdir ps wc dd tail grep env tty cut tr test touch umount mount ln rm stat".split(
      " ",
    );
  for (const name of names) symlinkSync("busybox", join(root, "bin", name));
  return root;
}

/** open(2) with O_CLOEXEC. */
export function openPath(path: string, flags: number, mode = 0): OwnedFd {
  const atCwd = -100;
  const closeOnExec = 0o2000000;
  return new OwnedFd(syscall("openat", path, atCwd, cString(path), flags | closeOnExec, mode), path);
}

/** All bytes of a descriptor until it ends. */
export function readAll(fd: OwnedFd): Uint8Array {
  const parts: Uint8Array[] = [];
  for (;;) {
    if (!waitFor(fd, pollIn, limitMs)) throw new Error(`nothing to read from ${fd.what}`);
    const part = new Uint8Array(64 * 1024);
    const count = trySyscall("read", fd.raw, part, part.length);
    if (count <= 0) return Buffer.concat(parts);
    parts.push(part.subarray(0, count));
  }
}

/** What can be read now or within `timeoutMs`, at most `limit` bytes. */
export function readSome(fd: OwnedFd, timeoutMs = limitMs, limit = 64 * 1024): Uint8Array {
  if (!waitFor(fd, pollIn, timeoutMs)) return new Uint8Array();
  const part = new Uint8Array(limit);
  const count = trySyscall("read", fd.raw, part, part.length);
  return part.slice(0, Math.max(count, 0));
}

export function readUntil(fd: OwnedFd, wanted: string): string {
  let text = "";
  while (!text.includes(wanted)) {
    const part = readSome(fd);
    if (part.length === 0) throw new Error(`wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(text)}`);
    text += new TextDecoder().decode(part);
  }
  return text;
}

export function writeText(fd: OwnedFd, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length; ) {
    done += syscall("write", fd.what, fd.raw, bytes.subarray(done), bytes.length - done);
  }
}

/** Docker's frames: the bytes of each stream. */
export function unframe(bytes: Uint8Array): { readonly stdout: string; readonly stderr: string } {
  const streams: [Uint8Array[], Uint8Array[]] = [[], []];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint32(at + 4, false);
    streams[bytes[at] === 2 ? 1 : 0].push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  const [stdout, stderr] = streams.map((parts) => Buffer.concat(parts).toString());
  return { stdout: stdout ?? "", stderr: stderr ?? "" };
}

/** A control connection. */
export class Controller implements Disposable {
  readonly socket: OwnedFd;
  #rest: Uint8Array = new Uint8Array();

  constructor(socket: OwnedFd) {
    this.socket = socket;
  }

  send(message: Uint8Array): void {
    sendWithFds(this.socket, message, []);
  }

  /** The next message; undefined when the connection ended. */
  next(): Message | undefined {
    for (;;) {
      const decoded = decodeMessage(this.#rest);
      if (decoded) {
        this.#rest = this.#rest.slice(decoded.consumed);
        return decoded.message;
      }
      if (!waitFor(this.socket, pollIn, limitMs)) throw new Error("no message from the executor");
      const part = readSome(this.socket, 0);
      if (part.length === 0) return undefined;
      this.#rest = Buffer.concat([this.#rest, part]);
    }
  }

  expect<N extends MessageName>(name: N): Extract<Message, { name: N }> {
    const message = this.next();
    if (message?.name !== name) throw new Error(`wanted ${name}, got ${describe(message)}`);
    // The name has just been compared.
    return message as Extract<Message, { name: N }>;
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }
}

export function describe(message: Message | undefined): string {
  if (message === undefined) return "the end of the connection";
  const fields = JSON.stringify(message.fields, (_, value) =>
    typeof value === "bigint" ? `${value}` : value,
  );
  return `${message.name} ${fields} ${message.object} ${message.detail}`;
}

export class Executor implements Disposable {
  readonly pid: number;
  readonly controller: Controller;
  readonly directory: string;
  readonly #pidfd: OwnedFd;

  constructor(scratch: Scratch) {
    this.directory = scratch.directory("s");
    const [ours, theirs] = socketPair("executor");
    using binary = sealedMemfd("tiffin-executor", readFileSync(binaryPath), { executable: true });
    this.pid = spawn({
      executable: binary,
      argv: ["tiffin-executor", "token"],
      fds: [[theirs, 3]],
      cwd: this.directory,
    });
    theirs[Symbol.dispose]();
    this.controller = new Controller(ours);
    const pidfd = openPidfd(this.pid);
    if (!pidfd) throw new Error("the executor has vanished");
    this.#pidfd = pidfd;
  }

  get socketPath(): string {
    return join(this.directory, "token");
  }

  start(ops: readonly EncodableOp[], fds: readonly OwnedFd[] = []): void {
    this.startBytes(encodePlan(ops, fds.length), fds);
  }

  startBytes(bytes: Uint8Array, fds: readonly OwnedFd[] = []): void {
    using plan = sealedMemfd("plan", bytes);
    sendWithFds(this.controller.socket, encodeMessage("start", { fdCount: fds.length + 1 }), [plan, ...fds]);
  }

  /** Waits until the executor has ended and returns its exit status (128 + n after a signal). */
  reap(): number {
    if (!waitFor(this.#pidfd, pollIn, limitMs)) throw new Error("the executor does not end");
    const status = new Int32Array(1);
    syscall("wait4", "executor", this.pid, status, 0, 0);
    const word = status[0] ?? 0;
    return (word & 0x7f) === 0 ? (word >> 8) & 0xff : 128 + (word & 0x7f);
  }

  [Symbol.dispose](): void {
    const killSignal = 9;
    trySyscall("pidfd_send_signal", this.#pidfd.raw, killSignal, 0, 0);
    trySyscall("wait4", this.pid, 0, 0, 0);
    this.#pidfd[Symbol.dispose]();
    this.controller[Symbol.dispose]();
  }
}

/** A preallocated record file. */
export function makeRecord(scratch: Scratch): { readonly fd: OwnedFd; read(): SupervisorRecord } {
  const path = join(scratch.path, "record");
  const readWriteCreate = 0o102;
  const fd = openPath(path, readWriteCreate, 0o600);
  syscall("ftruncate", path, fd.raw, recordBytes);
  return { fd, read: () => decodeRecord(readFileSync(path)) };
}

/** Mounts of the host that have to do with the test: others come and go, as whoever else works on the machine likes. */
export function mountsOf(scratch: Scratch): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(scratch.path));
}
