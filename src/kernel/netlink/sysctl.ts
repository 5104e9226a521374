/** Network sysctls. /proc/sys/net shows the namespace of the thread that opens the file; see `inNetns`. sysctl(5) */
import { OwnedFd } from "../owned-fd.ts";
import { cString, syscall } from "../syscall.ts";

const atFdcwd = -100;
const readOnly = 0o2000000; // O_RDONLY | O_CLOEXEC
const writeOnly = 0o2000001; // O_WRONLY | O_CLOEXEC
const readBytes = 256;

function open(name: string, flags: number): OwnedFd {
  const path = `/proc/sys/${name}`;
  return new OwnedFd(syscall("openat", path, atFdcwd, cString(path), flags), path);
}

/** `name` is a path below /proc/sys such as `net/ipv4/ip_forward`. */
export function writeSysctl(name: string, value: string): void {
  using file = open(name, writeOnly);
  const bytes = new TextEncoder().encode(value);
  syscall("write", file.what, file.raw, bytes, bytes.length);
}

/** The value without its newline. */
export function readSysctl(name: string): string {
  using file = open(name, readOnly);
  const bytes = new Uint8Array(readBytes);
  const length = syscall("read", file.what, file.raw, bytes, bytes.length);
  return new TextDecoder().decode(bytes.subarray(0, length)).trimEnd();
}
