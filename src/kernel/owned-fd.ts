import { inRange, syscall, trySyscall } from "./syscall.ts";

/**
 * A file descriptor with exactly one owner. Born CLOEXEC, closed by `using` or `Symbol.dispose`, moved with
 * `take`. The raw number is for the length of one call; nobody outside `kernel/` and `runtime/` keeps it.
 */
export class OwnedFd implements Disposable {
  #fd: number;
  readonly what: string;

  /** Takes ownership of `fd`; `what` names it in errors. */
  constructor(fd: number, what: string) {
    this.#fd = inRange("i32", fd, `fd of ${what}`);
    this.what = what;
  }

  get open(): boolean {
    return this.#fd >= 0;
  }

  /** The number, while this object still owns it. */
  get raw(): number {
    if (this.#fd < 0) throw new Error(`fd of ${this.what} was used after it was closed or moved`);
    return this.#fd;
  }

  /** Gives the number away: the caller closes it. */
  take(): number {
    const fd = this.raw;
    this.#fd = -1;
    return fd;
  }

  /** A second descriptor of the same open file, CLOEXEC. */
  duplicate(): OwnedFd {
    const fDupfdCloexec = 1030;
    return new OwnedFd(syscall("fcntl", this.what, this.raw, fDupfdCloexec, 3), this.what);
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    // close(2) releases the number even when it reports an error, so it is never tried twice.
    trySyscall("close", this.#fd);
    this.#fd = -1;
  }
}
