/**
 * The only door to the kernel. `syscall` is a 26-byte machine-code function that executes the SYSCALL
 * instruction and returns the kernel's own answer: a result, or minus errno in the same native call, so no
 * other code of this process can overwrite errno in between (libc's errno is never involved).
 *
 * bun:ffi wraps out-of-range integers silently, so numbers pass through the checks below first.
 */
import { CFunction, dlopen, FFIType, type Pointer, ptr } from "bun:ffi";
import { encodeName } from "../lib/name-text.ts";
import { errnoName } from "../linux/errno.ts";
import { syscallNumbers } from "../linux/syscall-numbers.ts";

export type SyscallName = keyof (typeof syscallNumbers)["x86_64"];

export const machine: "x86_64" | "aarch64" = process.arch === "arm64" ? "aarch64" : "x86_64";
const numbers: Readonly<Record<SyscallName, number>> = syscallNumbers[machine];

/** The machine's number of a system call. */
export function syscallNumber(name: SyscallName): number {
  return numbers[name];
}

/** x86_64: move the C arguments (number first) to where SYSCALL wants them; aarch64: the same with SVC. */
const trampolines = {
  x86_64: [
    0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89, 0xca, 0x4d, 0x89, 0xc2, 0x4d, 0x89,
    0xc8, 0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05, 0xc3,
  ],
  aarch64: [
    0xe8, 0x03, 0x00, 0xaa, 0xe0, 0x03, 0x01, 0xaa, 0xe1, 0x03, 0x02, 0xaa, 0xe2, 0x03, 0x03, 0xaa, 0xe3,
    0x03, 0x04, 0xaa, 0xe4, 0x03, 0x05, 0xaa, 0xe5, 0x03, 0x06, 0xaa, 0x01, 0x00, 0x00, 0xd4, 0xc0, 0x03,
    0x5f, 0xd6,
  ],
} as const;

type RawSyscall = (
  number: number,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
) => number | bigint;

const protRead = 1;
const protWrite = 2;
const protExec = 4;
const mapPrivateAnonymous = 0x22;
const pageBytes = 4096;

function openMemoryCalls() {
  return dlopen("libc.so.6", {
    mmap: { args: ["ptr", "u64", "i32", "i32", "i32", "i64"], returns: "ptr" },
    mprotect: { args: ["ptr", "u64", "i32"], returns: "i32" },
    memcpy: { args: ["ptr", "ptr", "u64"], returns: "ptr" },
  });
}

let libc: ReturnType<typeof openMemoryCalls> | undefined;

/**
 * Puts machine code on an executable page of its own and returns its address. The page lives as long as the
 * process: code that a signal handler or another thread may enter must never go away.
 */
export function mapMachineCode(code: Uint8Array): Pointer {
  libc ??= openMemoryCalls();
  const page = libc.symbols.mmap(null, pageBytes, protRead | protWrite, mapPrivateAnonymous, -1, 0);
  if (page === null || code.length > pageBytes) throw new Error("cannot map a page for machine code");
  libc.symbols.memcpy(page, code, code.length);
  if (libc.symbols.mprotect(page, pageBytes, protRead | protExec) !== 0) {
    throw new Error(
      "cannot make the system call function executable: does a security policy forbid PROT_EXEC?",
    );
  }
  // A mapping's address fits a double; bun:ffi types it as either.
  return Number(page) as Pointer;
}

function makeRawSyscall(): RawSyscall {
  const int64 = FFIType.i64_fast;
  const call: unknown = CFunction({
    ptr: mapMachineCode(new Uint8Array(trampolines[machine])),
    args: [int64, int64, int64, int64, int64, int64, int64],
    returns: int64,
  });
  // bun:ffi types every CFunction alike; this is the signature just given to it.
  return call as RawSyscall;
}

let raw: RawSyscall | undefined;

/** A failed system call: which, on what, and the errno. `object` is the path, link or fd it was about. */
export class SyscallError extends Error {
  override readonly name = "SyscallError";
  readonly syscall: string;
  readonly errno: number;
  /** The errno's symbolic name, for example `ENOENT`. */
  readonly code: string;
  readonly object: string;

  constructor(syscall: string, errno: number, object: string) {
    super(`${syscall} ${object}: ${errnoName(errno)}`);
    this.syscall = syscall;
    this.errno = errno;
    this.code = errnoName(errno);
    this.object = object;
  }
}

/** A system call argument: a number (checked to be a safe integer) or memory, passed by address. */
export type SyscallArgument = number | Uint8Array | Int32Array | Uint32Array | BigUint64Array;

function word(argument: SyscallArgument): number {
  if (typeof argument !== "number") return argument.length === 0 ? 0 : ptr(argument);
  if (!Number.isSafeInteger(argument))
    throw new RangeError(`system call argument ${argument} is not an integer`);
  return argument;
}

/**
 * The address of `memory` for a structure that holds pointers; 0 for empty memory. The caller keeps `memory`
 * referenced until the call that uses the structure has returned.
 */
export function addressOf(
  memory: Uint8Array | Int32Array | Uint32Array | BigUint64Array | BigInt64Array,
): number {
  return memory.length === 0 ? 0 : ptr(memory);
}

const eintr = 4;

/** One call of a sequence: its name and its arguments. */
export type SyscallEntry = readonly [SyscallName, ...SyscallArgument[]];

/** Performs a system call in the place of `trySyscall`. */
type Detour = (name: SyscallName, ...args: SyscallArgument[]) => number;
let detour: Detour | undefined;

/** While the synchronous `work` runs, every system call of this module goes through `way`. */
export function withDetour<T>(way: Detour, work: () => T): T {
  const before = detour;
  detour = way;
  try {
    return work();
  } finally {
    detour = before;
  }
}

/** Performs a system call and returns its result or minus errno; never throws for a kernel error. */
export function trySyscall(
  name: SyscallName,
  a: SyscallArgument = 0,
  b: SyscallArgument = 0,
  c: SyscallArgument = 0,
  d: SyscallArgument = 0,
  e: SyscallArgument = 0,
  f: SyscallArgument = 0,
): number {
  if (detour !== undefined) return detour(name, a, b, c, d, e, f);
  return directSyscall(name, a, b, c, d, e, f);
}

/** The same past any detour. */
export function directSyscall(
  name: SyscallName,
  a: SyscallArgument = 0,
  b: SyscallArgument = 0,
  c: SyscallArgument = 0,
  d: SyscallArgument = 0,
  e: SyscallArgument = 0,
  f: SyscallArgument = 0,
): number {
  raw ??= makeRawSyscall();
  return Number(raw(numbers[name], word(a), word(b), word(c), word(d), word(e), word(f)));
}

/** Like `trySyscall`, repeated while a signal interrupts it, and throwing `SyscallError` about `object`. */
export function syscall(name: SyscallName, object: string, ...args: readonly SyscallArgument[]): number {
  for (;;) {
    const [a, b, c, d, e, f] = args;
    const result = trySyscall(name, a, b, c, d, e, f);
    if (result >= 0) return result;
    if (result !== -eintr) throw new SyscallError(name, -result, object);
  }
}

const encoder = new TextEncoder();

/** A NUL-terminated copy for the kernel; a NUL inside would silently shorten a path, so it is refused. */
export function cString(text: string): Uint8Array {
  if (text.includes("\0")) throw new RangeError(`${JSON.stringify(text)} contains a NUL character`);
  return text.isWellFormed() ? encoder.encode(`${text}\0`) : encodeName(`${text}\0`);
}

const ranges = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  u16: [0, 2 ** 16 - 1],
  u8: [0, 255],
} as const;

/** Returns `value` when it is an integer of that width, throws `RangeError` naming `what` otherwise. */
export function inRange(type: keyof typeof ranges, value: number, what: string): number {
  const [low, high] = ranges[type];
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new RangeError(`${what} is ${value}, wanted an integer from ${low} to ${high}`);
  }
  return value;
}
