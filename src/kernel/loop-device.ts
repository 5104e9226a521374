/** A block device that shows a file, for file systems that are mounted from nothing else. loop(4) */
import { existsSync, fstatSync, readdirSync } from "node:fs";
import { errno } from "../linux/errno.ts";
import { openFile, openFlags } from "./files.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { SyscallError, syscall, trySyscall } from "./syscall.ts";

const loopGetStatus = 0x4c05;
/** struct loop_info64, which begins with the device and the inode of the file. */
const statusBytes = 232;
const blockDevices = "/sys/block";

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

export type LoopAccess = "read-only" | "writable";

/** A device that shows `file` for as long as it is open or mounted; `what` is its path. Linux 5.8. Throws `SyscallError`. */
export function attachLoopDevice(file: OwnedFd, access: LoopAccess): OwnedFd {
  using control = openFile(undefined, "/dev/loop-control", openFlags.readOnly);
  const config = new Uint8Array(configBytes);
  const view = new DataView(config.buffer);
  view.setUint32(fdAt, file.raw, true);
  view.setUint32(flagsAt, (access === "read-only" ? readOnly : 0) | autoClear, true);
  const flags = access === "read-only" ? openFlags.readOnly : openFlags.readWrite;
  for (let attempt = 1; ; attempt += 1) {
    const number = syscall("ioctl", "free loop device", control.raw, loopControlGetFree, 0);
    const device = openFile(undefined, `/dev/loop${number}`, flags);
    const result = trySyscall("ioctl", device.raw, loopConfigure, config);
    if (result === 0) return device;
    device[Symbol.dispose]();
    if (result === -errno.EBUSY && attempt < attempts) continue;
    throw new SyscallError("ioctl", -result, `${device.what} for ${file.what}`);
  }
}

/** The device that shows `file` already, if one does. Throws `SyscallError`. */
export function findLoopDevice(file: OwnedFd): OwnedFd | undefined {
  const { dev, ino } = fstatSync(file.raw, { bigint: true });
  for (const name of readdirSync(blockDevices)) {
    if (!/^loop\d+$/.test(name) || !existsSync(`${blockDevices}/${name}/loop`)) continue;
    const device = tryOpenDevice(`/dev/${name}`);
    if (device === undefined) continue;
    const status = new BigUint64Array(statusBytes / 8);
    const known = trySyscall("ioctl", device.raw, loopGetStatus, status) === 0;
    if (known && status[0] === dev && status[1] === ino) return device;
    device[Symbol.dispose]();
  }
  return undefined;
}

function tryOpenDevice(path: string): OwnedFd | undefined {
  try {
    return openFile(undefined, path, openFlags.readOnly);
  } catch (thrown) {
    // It is about to go, or nobody's business.
    if (thrown instanceof SyscallError) return undefined;
    throw thrown;
  }
}
