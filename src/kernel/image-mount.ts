/**
 * A file that holds an EROFS image, mounted as a file system that is attached nowhere: it exists as a descriptor, which other
 * mounts can be made of, and is gone when the last of these is. The host never sees it, whatever ends how. Kernels that do not
 * mount such files by themselves (before Linux 6.12) get a loop device, which frees itself with the mount.
 * fsopen(2), fsmount(2), loop(4)
 */
import { errno } from "../linux/errno.ts";
import { fsconfigCommands, fsmountFlags, fsopenFlags, mountAttributes } from "../linux/mount-flags.ts";
import { openFile, openFlags } from "./files.ts";
import { readAvailable } from "./io.ts";
import { attachLoopDevice } from "./loop-device.ts";
import { OwnedFd } from "./owned-fd.ts";
import { cString, SyscallError, syscall, trySyscall } from "./syscall.ts";

/** How this kernel mounts an image: `file` by itself, `loop` through a block device. */
export type ImageMountWay = "file" | "loop";

const fileSystem = "erofs";

/** The root of the image in the file `path`, mounted read-only. Throws `SyscallError`. */
export function mountImage(path: string, way: ImageMountWay): OwnedFd {
  using image = openFile(undefined, path, openFlags.readOnly);
  // A path may be longer than the kernel takes for an option.
  if (way === "file") return mountSource(`/proc/self/fd/${image.raw}`, path);
  using device = attachLoopDevice(image);
  // The mount has the device open from now on; with this descriptor nobody else does.
  return mountSource(device.what, path);
}

function mountSource(source: string, path: string): OwnedFd {
  using context = new OwnedFd(
    syscall("fsopen", fileSystem, cString(fileSystem), fsopenFlags.closeOnExec),
    fileSystem,
  );
  configure(context, path, fsconfigCommands.setString, "source", source);
  // A device that cannot be written is not opened for anything else.
  configure(context, path, fsconfigCommands.setFlag, "ro");
  configure(context, path, fsconfigCommands.create);
  const attributes = mountAttributes.readOnly | mountAttributes.noDevices;
  const fd = trySyscall("fsmount", context.raw, fsmountFlags.closeOnExec, attributes);
  if (fd < 0) throw new SyscallError("fsmount", -fd, explained(context, path));
  return new OwnedFd(fd, path);
}

function configure(context: OwnedFd, path: string, command: number, key?: string, value?: string): void {
  const keyText = key === undefined ? 0 : cString(key);
  const valueText = value === undefined ? 0 : cString(value);
  const result = trySyscall("fsconfig", context.raw, command, keyText, valueText, 0);
  if (result < 0) throw new SyscallError("fsconfig", -result, explained(context, path));
}

const explanationBytes = 512;

/** With what the kernel says about it, if it says anything. fsopen(2), "Message retrieval interface" */
function explained(context: OwnedFd, path: string): string {
  const what = `EROFS image ${path}`;
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
