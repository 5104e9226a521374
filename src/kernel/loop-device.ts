/** A block device that shows a file, for file systems that are mounted from nothing else. loop(4) */
import { errno } from "../linux/errno.ts";
import { openFile, openFlags } from "./files.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { SyscallError, syscall, trySyscall } from "./syscall.ts";

const loopConfigure = 0x4c0a;
const loopControlGetFree = 0x4c82;
/** struct loop_config: u32 descriptor, u32 block size, struct loop_info64 of 232 bytes, eight u64. */
const configBytes = 304;
const fdAt = 0;
const flagsAt = 60;
const readOnly = 1;
/** The device lets go of the file when the last descriptor or mount of it is gone. */
const autoClear = 4;
/** Others may take the free device that the kernel names. */
const attempts = 100;

/** A device that shows `file` read-only for as long as it is open or mounted; `what` is its path. Linux 5.8. Throws `SyscallError`. */
export function attachLoopDevice(file: OwnedFd): OwnedFd {
  using control = openFile(undefined, "/dev/loop-control", openFlags.readOnly);
  const config = new Uint8Array(configBytes);
  const view = new DataView(config.buffer);
  view.setUint32(fdAt, file.raw, true);
  view.setUint32(flagsAt, readOnly | autoClear, true);
  for (let attempt = 1; ; attempt += 1) {
    const number = syscall("ioctl", "free loop device", control.raw, loopControlGetFree, 0);
    const device = openFile(undefined, `/dev/loop${number}`, openFlags.readOnly);
    const result = trySyscall("ioctl", device.raw, loopConfigure, config);
    if (result === 0) return device;
    device[Symbol.dispose]();
    if (result === -errno.EBUSY && attempt < attempts) continue;
    throw new SyscallError("ioctl", -result, `${device.what} for ${file.what}`);
  }
}
