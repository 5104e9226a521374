/**
 * Several system calls as one native call. No JavaScript runs in between, so the runtime starts no thread there that would
 * inherit what the thread is only for a moment, such as a network namespace.
 */
import { CFunction, FFIType } from "bun:ffi";
import {
  addressOf,
  directSyscall,
  machine,
  mapMachineCode,
  type SyscallArgument,
  type SyscallEntry,
  syscallNumber,
} from "./syscall.ts";

/** x86_64. rdi: entries of `entryBytes`, rsi: how many, rdx: how many of them are performed even after a failure. */
const code = new Uint8Array([
  ...[0x53, 0x41, 0x54, 0x41, 0x55], // push rbx, r12, r13
  ...[0x48, 0x89, 0xfb], // mov rbx, rdi: the next entry
  ...[0x49, 0x89, 0xf4], // mov r12, rsi: how many are left
  ...[0x49, 0x89, 0xd5], // mov r13, rdx
  ...[0x48, 0x8b, 0x03], // next: mov rax, [rbx]
  ...[0x48, 0x8b, 0x7b, 0x08], // mov rdi, [rbx + 8]
  ...[0x48, 0x8b, 0x73, 0x10], // mov rsi, [rbx + 16]
  ...[0x48, 0x8b, 0x53, 0x18], // mov rdx, [rbx + 24]
  ...[0x4c, 0x8b, 0x53, 0x20], // mov r10, [rbx + 32]
  ...[0x4c, 0x8b, 0x43, 0x28], // mov r8, [rbx + 40]
  ...[0x4c, 0x8b, 0x4b, 0x30], // mov r9, [rbx + 48]
  ...[0x0f, 0x05], // syscall
  ...[0x48, 0x89, 0x43, 0x38], // mov [rbx + 56], rax
  ...[0x48, 0x83, 0xc3, 0x40], // add rbx, 64
  ...[0x49, 0xff, 0xcc], // dec r12
  ...[0x74, 0x19], // jz end
  ...[0x48, 0x85, 0xc0], // test rax, rax
  ...[0x79, 0xd1], // jns next
  ...[0x4c, 0x89, 0xe1], // mov rcx, r12
  ...[0x4c, 0x29, 0xe9], // sub rcx, r13: how many to leave out
  ...[0x76, 0xc9], // jbe next: this one was performed after a failure itself, or none is left out
  ...[0x48, 0xc1, 0xe1, 0x06, 0x48, 0x01, 0xcb], // shl rcx, 6; add rbx, rcx
  ...[0x4d, 0x89, 0xec], // mov r12, r13
  ...[0xeb, 0xbd], // jmp next
  ...[0x41, 0x5d, 0x41, 0x5c, 0x5b, 0xc3], // end: pop r13, r12, rbx; ret
]);

/** i64 number, six i64 arguments, i64 result. */
const entryWords = 8;
const resultAt = 7;
const ecanceled = 125;

type Perform = (entries: number, count: number, finals: number) => number | bigint;
let perform: Perform | undefined;

function makePerform(): Perform {
  const call: unknown = CFunction({
    ptr: mapMachineCode(code),
    args: [FFIType.i64_fast, FFIType.i64_fast, FFIType.i64_fast],
    returns: FFIType.i64_fast,
  });
  // bun:ffi types every CFunction alike; this is the signature just given to it.
  return call as Perform;
}

/**
 * Performs `calls` up to the first that fails, and then all of `finals` in any case. The result of each, `finals` included:
 * what the kernel said, a result or minus errno; minus ECANCELED for what was left out.
 */
export function syscallSequence(calls: readonly SyscallEntry[], finals: readonly SyscallEntry[]): number[] {
  // Not written for other machines yet: call by call, the gaps between them are short.
  if (machine !== "x86_64") return oneByOne(calls, finals);
  const all = [...calls, ...finals];
  const words = new BigInt64Array(all.length * entryWords);
  for (const [index, [name, ...args]] of all.entries()) {
    const at = index * entryWords;
    words[at] = BigInt(syscallNumber(name));
    for (const [place, argument] of args.entries()) words[at + 1 + place] = BigInt(wordOf(argument));
    words[at + resultAt] = BigInt(-ecanceled);
  }
  perform ??= makePerform();
  perform(addressOf(words), all.length, finals.length);
  return all.map((_, index) => Number(words[index * entryWords + resultAt]));
}

/** 64-bit words of a call: its number, six arguments, and then its result. */
export const callWords = entryWords;

/**
 * Performs calls that do not need each other, all of them, whatever one of them comes to. `words` has each as `callWords` words, the lower half
 * first. For x86_64 alone.
 */
export function performAll(words: Uint32Array, count: number): void {
  perform ??= makePerform();
  perform(addressOf(words), count, count);
}

function wordOf(argument: SyscallArgument): number {
  return typeof argument === "number" ? argument : addressOf(argument);
}

function oneByOne(calls: readonly SyscallEntry[], finals: readonly SyscallEntry[]): number[] {
  const results = calls.map(() => -ecanceled);
  for (const [index, call] of calls.entries()) {
    const result = directSyscall(...call);
    results[index] = result;
    if (result < 0) break;
  }
  return [...results, ...finals.map((call) => directSyscall(...call))];
}
