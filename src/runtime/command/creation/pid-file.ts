/** `--pid-file`: appears whole or not at all. Not synced to the disk: a pid does not outlive the machine. */
import { openFile, openFlags, removeFile, renamePath } from "../../../kernel/files.ts";
import { writeAll } from "../../../kernel/io.ts";

const readable = 0o644;

export function writePidFile(path: string, pid: number): void {
  const slash = path.lastIndexOf("/") + 1;
  const temporary = `${path.slice(0, slash)}.${path.slice(slash)}.new`;
  removeFile(temporary);
  const flags = openFlags.writeOnly | openFlags.create | openFlags.exclusive | openFlags.noFollow;
  {
    using file = openFile(undefined, temporary, flags, { mode: readable });
    writeAll(file, new TextEncoder().encode(String(pid)));
  }
  renamePath(temporary, path);
}
