/** Pseudo terminals of the host's devpts, for tests and for the OCI runtime command line (`--console-socket`). */
import { OwnedFd } from "./owned-fd.ts";
import { cString, syscall } from "./syscall.ts";
import { setWindowSize, type WindowSize } from "./tty.ts";

const atFdcwd = -100;
const readWriteNoCttyCloexec = 2 | 0o400 | 0o2000000;
const tiocsptlck = 0x4004_5431;
const tiocgptpeer = 0x5441;

export interface PtyPair extends Disposable {
  readonly master: OwnedFd;
  readonly slave: OwnedFd;
}

/** A new pty, unlocked, both ends open and CLOEXEC. The slave is opened through the master, not by its path. */
export function openPty(size?: WindowSize): PtyPair {
  const master = new OwnedFd(
    syscall("openat", "/dev/ptmx", atFdcwd, cString("/dev/ptmx"), readWriteNoCttyCloexec, 0),
    "pty master",
  );
  try {
    syscall("ioctl", "unlock the pty", master.raw, tiocsptlck, new Int32Array(1));
    const peer = syscall(
      "ioctl",
      "open the pty's other end",
      master.raw,
      tiocgptpeer,
      readWriteNoCttyCloexec,
    );
    const slave = new OwnedFd(peer, "pty slave");
    if (size !== undefined) setWindowSize(master, size);
    return {
      master,
      slave,
      [Symbol.dispose]() {
        slave[Symbol.dispose]();
        master[Symbol.dispose]();
      },
    };
  } catch (thrown) {
    master[Symbol.dispose]();
    throw thrown;
  }
}
