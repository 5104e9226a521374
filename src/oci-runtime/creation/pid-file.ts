/** `--pid-file`: appears whole or not at all. Not synced to the disk: a pid does not outlive the machine. */
import { openFile, openFlags, removeFile, renamePath } from "../../kernel/files.ts";
import { writeAll } from "../../kernel/io.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import { errnoText } from "../../linux/errno.ts";

const readable = 0o644;

/** Throws `invalid` when it cannot be there. */
export function writePidFile(path: string, pid: number): void {
  try {
    replaceFile(path, String(pid));
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    const message = `cannot write the pid file ${path}: ${errnoText(thrown.errno)}`;
    throw new TiffinError("invalid", "runtime.pid-file", message, { cause: thrown });
  }
}

function replaceFile(path: string, text: string): void {
  const slash = path.lastIndexOf("/") + 1;
  const temporary = `${path.slice(0, slash)}.${path.slice(slash)}.new`;
  removeFile(temporary);
  const flags = openFlags.writeOnly | openFlags.create | openFlags.exclusive | openFlags.noFollow;
  {
    using file = openFile(undefined, temporary, flags, { mode: readable });
    writeAll(file, new TextEncoder().encode(text));
  }
  try {
    renamePath(temporary, path);
  } catch (thrown) {
    removeFile(temporary);
    throw thrown;
  }
}
