/** Listening unix sockets made by system call, for descriptors that are handed to another process. */
import { resolveFlags } from "../linux/open-flags.ts";
import { openFile, openFlags } from "./files.ts";
import { OwnedFd } from "./owned-fd.ts";
import { syscall } from "./syscall.ts";
import { unixAddress, unixPathLimitBytes } from "./unix-stream.ts";

const afUnix = 1;
const streamCloexec = 1 | 0o2000000;

/**
 * A socket that listens at `directory`/`name`, blocking, CLOEXEC. A path beyond the 107 bytes of sockaddr_un goes
 * through the descriptor of its directory. Throws `SyscallError`: EADDRINUSE when the name is taken.
 */
export function listenUnix(directory: string, name: string, backlog = 1): OwnedFd {
  const path = `${directory}/${name}`;
  const fd = new OwnedFd(syscall("socket", path, afUnix, streamCloexec, 0), `listener ${path}`);
  try {
    if (path.length <= unixPathLimitBytes) bindTo(fd, path, path);
    else {
      const flags = openFlags.path | openFlags.directory;
      using handle = openFile(undefined, directory, flags, { resolve: resolveFlags.noMagicLinks });
      bindTo(fd, `/proc/self/fd/${handle.raw}/${name}`, path);
    }
    syscall("listen", path, fd.raw, backlog);
    return fd;
  } catch (thrown) {
    fd[Symbol.dispose]();
    throw thrown;
  }
}

function bindTo(fd: OwnedFd, path: string, shown: string): void {
  const address = unixAddress(path);
  syscall("bind", shown, fd.raw, address, address.length);
}
