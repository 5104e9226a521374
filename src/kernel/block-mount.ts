/** A file system on a block device, or in a file that this kernel mounts by itself, as a mount that is attached nowhere. fsopen(2), fsmount(2) */
import { errno } from "../linux/errno.ts";
import { fsconfigCommands, fsmountFlags, fsopenFlags } from "../linux/mount-flags.ts";
import { readAvailable } from "./io.ts";
import { OwnedFd } from "./owned-fd.ts";
import { cString, SyscallError, syscall, trySyscall } from "./syscall.ts";

export interface BlockMount {
  /** `erofs`, `ext4`. */
  readonly type: string;
  readonly source: string;
  /** Without values. */
  readonly flags: readonly string[];
  /** MOUNT_ATTR_* */
  readonly attributes: number;
  /** What is mounted, for errors. */
  readonly what: string;
}

/** Throws `SyscallError`, with what the kernel says about it. */
export function mountBlock({ type, source, flags, attributes, what }: BlockMount): OwnedFd {
  using context = new OwnedFd(syscall("fsopen", type, cString(type), fsopenFlags.closeOnExec), type);
  configure(context, what, fsconfigCommands.setString, "source", source);
  for (const flag of flags) configure(context, what, fsconfigCommands.setFlag, flag);
  configure(context, what, fsconfigCommands.create);
  const fd = trySyscall("fsmount", context.raw, fsmountFlags.closeOnExec, attributes);
  if (fd < 0) throw new SyscallError("fsmount", -fd, explained(context, what));
  return new OwnedFd(fd, what);
}

function configure(context: OwnedFd, what: string, command: number, key?: string, value?: string): void {
  const keyText = key === undefined ? 0 : cString(key);
  const valueText = value === undefined ? 0 : cString(value);
  const result = trySyscall("fsconfig", context.raw, command, keyText, valueText, 0);
  if (result < 0) throw new SyscallError("fsconfig", -result, explained(context, what));
}

const explanationBytes = 512;

/** With what the kernel says about it, if it says anything. fsopen(2), "Message retrieval interface" */
function explained(context: OwnedFd, what: string): string {
  const buffer = new Uint8Array(explanationBytes);
  try {
    const bytes = readAvailable(context, buffer) ?? 0;
    const text = new TextDecoder().decode(buffer.subarray(0, bytes)).trim();
    return text === "" ? what : `${what} (${text.replace(/^e /, "")})`;
  } catch (thrown) {
    // ENODATA: it says nothing.
    if (thrown instanceof SyscallError && thrown.errno === errno.ENODATA) return what;
    throw thrown;
  }
}
