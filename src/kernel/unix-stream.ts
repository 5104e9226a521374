/**
 * A blocking unix stream connection for the command line: no event loop, no promises, one system call per
 * operation. Signals interrupt nothing here; a caller that must hear them polls first (`poll.ts`).
 */
import { errno } from "../linux/errno.ts";
import { readSome, writeAll } from "./io.ts";
import { OwnedFd } from "./owned-fd.ts";
import { cString, SyscallError, syscall, trySyscall } from "./syscall.ts";

const afUnix = 1;
const sockStreamCloexec = 1 | 0o2000000;
const nonBlocking = 0o4000;
const setFlags = 4;
const atFdcwd = -100;
const oPathDirectoryCloexec = 0o10000000 | 0o200000 | 0o2000000;
const shutdownWrite = 1;
/** sizeof(sun_path) without the final NUL. */
export const unixPathLimitBytes = 107;

const encoder = new TextEncoder();

/** struct sockaddr_un for `path`, of exactly the needed length. */
export function unixAddress(path: string): Uint8Array {
  const name = cString(path);
  if (name.length - 1 > unixPathLimitBytes || name.length === 1) {
    throw new SyscallError("connect", errno.ENAMETOOLONG, path);
  }
  const address = new Uint8Array(2 + name.length);
  address[0] = afUnix;
  address.set(name, 2);
  return address;
}

export class UnixStream implements Disposable {
  readonly fd: OwnedFd;

  constructor(fd: OwnedFd) {
    this.fd = fd;
  }

  /** One read; 0 is the peer's end of stream. */
  read(buffer: Uint8Array): number {
    return readSome(this.fd, buffer);
  }

  /** All of `bytes`, blocking. Throws `SyscallError` (EPIPE when the peer has closed). */
  write(bytes: Uint8Array | string): void {
    writeAll(this.fd, typeof bytes === "string" ? encoder.encode(bytes) : bytes);
  }

  /** Half-close: the peer sees the end, reading goes on. A peer that is already gone is fine. */
  endWriting(): void {
    const result = trySyscall("shutdown", this.fd.raw, shutdownWrite);
    if (result < 0 && result !== -errno.ENOTCONN) {
      throw new SyscallError("shutdown", -result, this.fd.what);
    }
  }

  [Symbol.dispose](): void {
    this.fd[Symbol.dispose]();
  }
}

/**
 * Connects to the socket at `path`. A path longer than the 107 bytes of sockaddr_un goes through
 * /proc/self/fd of its directory. `wait` false: not for a listener that has not accepted as many as it lets queue.
 * Throws `SyscallError`: ENOENT no socket, ECONNREFUSED nobody listens, EACCES; EAGAIN instead of waiting.
 */
export function connectUnix(path: string, { wait = true }: { readonly wait?: boolean } = {}): UnixStream {
  const type = wait ? sockStreamCloexec : sockStreamCloexec | nonBlocking;
  const fd = new OwnedFd(syscall("socket", path, afUnix, type, 0), `connection to ${path}`);
  try {
    if (encoder.encode(path).length <= unixPathLimitBytes) connectTo(fd, path, path);
    else connectThroughDirectory(fd, path);
    if (!wait) syscall("fcntl", path, fd.raw, setFlags, 0);
    return new UnixStream(fd);
  } catch (thrown) {
    fd[Symbol.dispose]();
    throw thrown;
  }
}

function connectTo(fd: OwnedFd, path: string, shown: string): void {
  const address = unixAddress(path);
  syscall("connect", shown, fd.raw, address, address.length);
}

function connectThroughDirectory(fd: OwnedFd, path: string): void {
  const cut = path.lastIndexOf("/") + 1;
  const directory = cString(cut === 0 ? "." : path.slice(0, cut));
  using handle = new OwnedFd(syscall("openat", path, atFdcwd, directory, oPathDirectoryCloexec, 0), path);
  connectTo(fd, `/proc/self/fd/${handle.raw}/${path.slice(cut)}`, path);
}
