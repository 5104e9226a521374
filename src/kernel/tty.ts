/**
 * The terminal that a descriptor stands for: is it one, how large, and raw mode with a way back. Works on the
 * kernel's own struct termios (36 bytes), so no libc is involved.
 */
import { errno } from "../linux/errno.ts";
import type { OwnedFd } from "./owned-fd.ts";
import { inRange, SyscallError, trySyscall } from "./syscall.ts";

const tcgets = 0x5401;
const tcsets = 0x5402;
const tiocgwinsz = 0x5413;
const tiocswinsz = 0x5414;
const termiosBytes = 36;

/** asm-generic/termbits.h: offsets of the flag words and the bits that raw mode touches. */
const inputFlagsAt = 0;
const outputFlagsAt = 4;
const controlFlagsAt = 8;
const localFlagsAt = 12;
const controlCharactersAt = 17;
const vtime = 5;
const vmin = 6;
/** IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON */
const rawClearsInput = 0o1 | 0o2 | 0o10 | 0o40 | 0o100 | 0o200 | 0o400 | 0o2000;
/** OPOST */
const rawClearsOutput = 0o1;
/** ECHO ECHONL ICANON ISIG IEXTEN */
const rawClearsLocal = 0o10 | 0o100 | 0o2 | 0o1 | 0o100000;
/** CSIZE PARENB are cleared, CS8 is set. */
const characterSizeMask = 0o60;
const parityEnable = 0o400;
const eightBits = 0o60;

export interface WindowSize {
  readonly rows: number;
  readonly columns: number;
}

/** The state that `makeRaw` found, for `restoreTerminal`. */
export type TerminalState = Uint8Array & { readonly terminalState?: never };

function numberOf(fd: OwnedFd | number): number {
  return typeof fd === "number" ? fd : fd.raw;
}

/** True when `fd` is a terminal. */
export function isTerminal(fd: OwnedFd | number): boolean {
  return trySyscall("ioctl", numberOf(fd), tcgets, new Uint8Array(termiosBytes)) === 0;
}

/** The window size, or undefined when `fd` is no terminal or does not know (0 x 0). */
export function windowSize(fd: OwnedFd | number): WindowSize | undefined {
  const size = new Uint8Array(8);
  if (trySyscall("ioctl", numberOf(fd), tiocgwinsz, size) < 0) return undefined;
  const view = new DataView(size.buffer);
  const rows = view.getUint16(0, true);
  const columns = view.getUint16(2, true);
  return rows === 0 && columns === 0 ? undefined : { rows, columns };
}

/** Sets the window size of a pty (either end); the foreground group gets SIGWINCH from the kernel. */
export function setWindowSize(fd: OwnedFd | number, size: WindowSize): void {
  const memory = new Uint8Array(8);
  const view = new DataView(memory.buffer);
  view.setUint16(0, inRange("u16", size.rows, "rows"), true);
  view.setUint16(2, inRange("u16", size.columns, "columns"), true);
  control(fd, tiocswinsz, memory, "set the window size");
}

/** Puts the terminal in raw mode (bytes pass unchanged both ways) and returns the state before. */
export function makeRaw(fd: OwnedFd | number): TerminalState {
  const before = new Uint8Array(termiosBytes);
  control(fd, tcgets, before, "read the terminal state");
  const raw = before.slice();
  const view = new DataView(raw.buffer);
  const clear = (at: number, bits: number): void =>
    view.setUint32(at, view.getUint32(at, true) & ~bits, true);
  clear(inputFlagsAt, rawClearsInput);
  clear(outputFlagsAt, rawClearsOutput);
  clear(localFlagsAt, rawClearsLocal);
  clear(controlFlagsAt, characterSizeMask | parityEnable);
  view.setUint32(controlFlagsAt, view.getUint32(controlFlagsAt, true) | eightBits, true);
  raw[controlCharactersAt + vmin] = 1;
  raw[controlCharactersAt + vtime] = 0;
  control(fd, tcsets, raw, "set raw mode");
  return before;
}

/** Takes `makeRaw` back. A terminal that has gone away is fine. */
export function restoreTerminal(fd: OwnedFd | number, state: TerminalState): void {
  const result = trySyscall("ioctl", numberOf(fd), tcsets, state);
  if (result < 0 && result !== -errno.EIO && result !== -errno.EBADF && result !== -errno.ENOTTY) {
    throw new SyscallError("ioctl", -result, "restore the terminal state");
  }
}

function control(fd: OwnedFd | number, request: number, memory: Uint8Array, what: string): void {
  for (;;) {
    const result = trySyscall("ioctl", numberOf(fd), request, memory);
    if (result >= 0) return;
    if (result !== -errno.EINTR) throw new SyscallError("ioctl", -result, what);
  }
}
