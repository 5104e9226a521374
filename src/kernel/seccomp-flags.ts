/** Which flags of seccomp(2) the running kernel knows, without installing anything. */
import { errno } from "../linux/errno.ts";
import { trySyscall } from "./syscall.ts";

const setModeFilter = 1;
const newListener = 8;
const waitKillable = 32;

/** A known flag gets as far as the missing program; an unknown one is refused before. */
export function takesFilterFlag(flag: number): boolean {
  // That one says how a listener waits, and means nothing without one.
  const flags = flag === waitKillable ? flag | newListener : flag;
  return trySyscall("seccomp", setModeFilter, flags, 0) === -errno.EFAULT;
}
