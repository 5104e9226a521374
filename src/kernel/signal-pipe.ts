/**
 * Signals as bytes in a pipe, for a loop that blocks in ppoll instead of in Bun's event loop (where JavaScript
 * signal handlers would never run). The handler is a dozen machine instructions: it writes one byte, the signal's
 * number, to a pipe end whose number is a constant inside the code. Any thread may be the one that is interrupted.
 */
import { OwnedFd } from "./owned-fd.ts";
import { inRange, machine, mapMachineCode, syscall } from "./syscall.ts";

const oCloexecNonblock = 0o2000000 | 0o4000;
const saRestart = 0x1000_0000;
const saRestorer = 0x0400_0000;
const signalSetBytes = 8;

/**
 * x86_64: push edi; write(fd, rsp, 1); pop; ret. Then, at 24, the restorer that the kernel wants from its caller:
 * rt_sigreturn. The kernel restores every register from the signal frame, so nothing needs saving but the stack.
 */
const x86Handler = (fd: number): number[] => [
  0x57, // push rdi
  0xbf, // mov edi, fd
  ...littleEndian(fd),
  ...[0x48, 0x89, 0xe6], // mov rsi, rsp
  ...[0xba, 1, 0, 0, 0], // mov edx, 1
  ...[0xb8, 1, 0, 0, 0], // mov eax, SYS_write
  ...[0x0f, 0x05], // syscall
  0x5f, // pop rdi
  0xc3, // ret
  ...[0x90],
  ...[0xb8, 15, 0, 0, 0], // mov eax, SYS_rt_sigreturn
  ...[0x0f, 0x05], // syscall
];
const x86RestorerAt = 24;

/** aarch64: the kernel supplies the restorer (vdso). str w0,[sp,#-16]!; write(fd, sp, 1); add sp; ret. */
const armHandler = (fd: number): number[] => [
  ...littleEndian(0xb81f_0fe0), // str w0, [sp, #-16]!
  ...littleEndian(0x5280_0000 | (fd << 5)), // mov w0, #fd
  ...littleEndian(0x9100_03e1), // mov x1, sp
  ...littleEndian(0xd280_0022), // mov x2, #1
  ...littleEndian(0xd280_0808), // mov x8, #64 (write)
  ...littleEndian(0xd400_0001), // svc #0
  ...littleEndian(0x9100_43ff), // add sp, sp, #16
  ...littleEndian(0xd65f_03c0), // ret
];

function littleEndian(value: number): number[] {
  return [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255];
}

/**
 * From now on each of `signals` is one byte (its number) to be read from the returned non-blocking descriptor.
 * Once per process: a second call would take the first one's handler over.
 */
export function catchSignals(signals: readonly number[]): OwnedFd {
  const pair = new Int32Array(2);
  syscall("pipe2", "signal pipe", pair, oCloexecNonblock);
  const read = new OwnedFd(pair[0] ?? -1, "signal pipe");
  // The handler keeps the writing end for as long as the process lives.
  const write = inRange("u16", pair[1] ?? -1, "signal pipe");
  const code = machine === "x86_64" ? x86Handler(write) : armHandler(write);
  const handler = mapMachineCode(new Uint8Array(code));
  const action = new BigUint64Array(4);
  action[0] = BigInt(handler);
  if (machine === "x86_64") {
    action[1] = BigInt(saRestart | saRestorer);
    action[2] = BigInt(handler + x86RestorerAt);
  } else {
    // The aarch64 structure has no restorer slot in use, but the same layout.
    action[1] = BigInt(saRestart);
  }
  for (const signal of signals) {
    inRange("u8", signal, "signal number");
    syscall("rt_sigaction", `signal ${signal}`, signal, action, 0, signalSetBytes);
  }
  return read;
}

/** Gives `signals` their default action back. The pipe stays; it is for the life of the process. */
export function releaseSignals(signals: readonly number[]): void {
  const byDefault = new BigUint64Array(4);
  for (const signal of signals) {
    syscall(
      "rt_sigaction",
      `signal ${signal}`,
      inRange("u8", signal, "signal number"),
      byDefault,
      0,
      signalSetBytes,
    );
  }
}
