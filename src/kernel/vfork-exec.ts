/**
 * The cheapest start of a program of our own: clone(CLONE_VM | CLONE_VFORK) and execveat in one piece of machine code,
 * without the fourteen bindings that posix_spawn takes (0.5 ms of a short command). The child runs on our stack and
 * in our memory until its exec, so it does nothing but system calls, from registers. It differs from `spawn`: the
 * program inherits the standard descriptors, the working directory, the signal mask and everything else; all other
 * descriptors must be CLOEXEC. Only for programs that put themselves in order, as the executor does.
 */
import { CFunction, FFIType } from "bun:ffi";
import type { OwnedFd } from "./owned-fd.ts";
import { reapChild } from "./pidfd.ts";
import { spawn } from "./spawn.ts";
import { addressOf, cString, machine, mapMachineCode, SyscallError } from "./syscall.ts";

/**
 * x86_64. rdi: the request (see `requestBytes`). r9 keeps it, since system calls clobber only rax, rcx and r11.
 * Nothing is pushed, so the return address is still there when the parent goes on.
 */
const code = new Uint8Array([
  ...[0x49, 0x89, 0xf9], // mov r9, rdi
  ...[0xb8, 56, 0, 0, 0], // mov eax, SYS_clone
  ...[0xbf, 0x11, 0x41, 0, 0], // mov edi, CLONE_VM | CLONE_VFORK | SIGCHLD
  ...[0x31, 0xf6, 0x31, 0xd2, 0x45, 0x31, 0xd2, 0x45, 0x31, 0xc0], // xor esi, edx, r10d, r8d
  ...[0x0f, 0x05], // syscall
  ...[0x48, 0x85, 0xc0], // test rax, rax
  ...[0x75, 0x3e], // jne to the ret: the parent, or a failure
  ...[0xb8, 0x24, 1, 0, 0], // mov eax, SYS_dup3
  ...[0x41, 0x8b, 0x39], // mov edi, [r9]
  ...[0xbe, 3, 0, 0, 0], // mov esi, 3
  ...[0x31, 0xd2], // xor edx, edx
  ...[0x0f, 0x05], // syscall
  ...[0xb8, 0x42, 1, 0, 0], // mov eax, SYS_execveat
  ...[0x41, 0x8b, 0x79, 0x04], // mov edi, [r9 + 4]
  ...[0x49, 0x8b, 0x71, 0x18], // mov rsi, [r9 + 24]
  ...[0x49, 0x8b, 0x51, 0x08], // mov rdx, [r9 + 8]
  ...[0x4d, 0x8b, 0x51, 0x10], // mov r10, [r9 + 16]
  ...[0x41, 0xb8, 0, 0x10, 0, 0], // mov r8d, AT_EMPTY_PATH
  ...[0x0f, 0x05], // syscall
  ...[0x41, 0x89, 0x41, 0x20], // mov [r9 + 32], eax: why the exec failed
  ...[0xb8, 60, 0, 0, 0], // mov eax, SYS_exit
  ...[0xbf, 127, 0, 0, 0], // mov edi, 127
  ...[0x0f, 0x05], // syscall
  0xc3, // ret
]);

/** u32 socket, u32 program, u64 argv, u64 environment, u64 empty path, i32 error of the exec. */
const requestBytes = 40;
const errorAt = 32;
const inheritedFd = 3;

type Start = (request: number) => number | bigint;
let start: Start | undefined;

function makeStart(): Start {
  const call: unknown = CFunction({
    ptr: mapMachineCode(code),
    args: [FFIType.i64_fast],
    returns: FFIType.i64_fast,
  });
  // bun:ffi types every CFunction alike; this is the signature just given to it.
  return call as Start;
}

/**
 * Executes the open file `program` with `inherited` as descriptor 3 and returns its pid, to be reaped by the caller.
 * Throws `SyscallError`.
 */
export function vforkExec(program: OwnedFd, argv: readonly string[], inherited: OwnedFd): number {
  // dup3 onto itself would leave it CLOEXEC.
  if (machine !== "x86_64" || inherited.raw === inheritedFd) {
    return spawn({ executable: program, argv, fds: [[inherited, inheritedFd]], cwd: "/" });
  }
  const words = argv.map(cString);
  const list = new BigUint64Array(words.length + 1);
  for (const [index, word] of words.entries()) list[index] = BigInt(addressOf(word));
  const environment = new BigUint64Array(1);
  const empty = new Uint8Array(1);
  const request = new Uint8Array(requestBytes);
  const view = new DataView(request.buffer);
  view.setUint32(0, inherited.raw, true);
  view.setUint32(4, program.raw, true);
  view.setBigUint64(8, BigInt(addressOf(list)), true);
  view.setBigUint64(16, BigInt(addressOf(environment)), true);
  view.setBigUint64(24, BigInt(addressOf(empty)), true);
  start ??= makeStart();
  const pid = Number(start(addressOf(request)));
  if (pid < 0) throw new SyscallError("clone", -pid, program.what);
  // The buffers are used until here: nothing that the child reads can be collected while it does.
  const failed =
    words.length + list.length + environment.length + empty.length > 0 ? -view.getInt32(errorAt, true) : 0;
  if (failed !== 0) {
    reapChild(pid, { block: true });
    throw new SyscallError("execveat", failed, program.what);
  }
  return pid;
}
