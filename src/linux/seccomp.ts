/** Seccomp profiles in the shape of the OCI runtime specification, and their words as numbers. */
import { own } from "../lib/own.ts";

export type SeccompOperator =
  | "SCMP_CMP_NE"
  | "SCMP_CMP_LT"
  | "SCMP_CMP_LE"
  | "SCMP_CMP_EQ"
  | "SCMP_CMP_GE"
  | "SCMP_CMP_GT"
  | "SCMP_CMP_MASKED_EQ";

export interface SeccompArgument {
  readonly index: number;
  readonly value: number | bigint;
  readonly valueTwo?: number | bigint | undefined;
  readonly op: string;
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number | undefined;
  readonly args?: readonly SeccompArgument[] | undefined;
}

export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number | undefined;
  readonly architectures?: readonly string[] | undefined;
  readonly flags?: readonly string[] | undefined;
  readonly listenerPath?: string | undefined;
  readonly listenerMetadata?: string | undefined;
  readonly syscalls?: readonly SeccompRule[] | undefined;
}

/** SECCOMP_RET_* by OCI name; ERRNO and TRACE carry a number in the low half. */
export const seccompActions: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0x0000_0000,
  SCMP_ACT_KILL_THREAD: 0x0000_0000,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_ERRNO: 0x0005_0000,
  SCMP_ACT_NOTIFY: 0x7fc0_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};

export const seccompOperators: Readonly<Record<SeccompOperator, number>> = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};

/** AUDIT_ARCH_* by OCI name (linux/audit.h); x32 is libseccomp's own number. */
export const seccompArchitectures: Readonly<Record<string, number>> = {
  SCMP_ARCH_X86: 0x4000_0003,
  SCMP_ARCH_X86_64: 0xc000_003e,
  SCMP_ARCH_X32: 0x4000_003e,
  SCMP_ARCH_ARM: 0x4000_0028,
  SCMP_ARCH_AARCH64: 0xc000_00b7,
  SCMP_ARCH_MIPS: 0x0000_0008,
  SCMP_ARCH_MIPS64: 0x8000_0008,
  SCMP_ARCH_MIPS64N32: 0xa000_0008,
  SCMP_ARCH_MIPSEL: 0x4000_0008,
  SCMP_ARCH_MIPSEL64: 0xc000_0008,
  SCMP_ARCH_MIPSEL64N32: 0xe000_0008,
  SCMP_ARCH_PPC: 0x0000_0014,
  SCMP_ARCH_PPC64: 0x8000_0015,
  SCMP_ARCH_PPC64LE: 0xc000_0015,
  SCMP_ARCH_S390: 0x0000_0016,
  SCMP_ARCH_S390X: 0x8000_0016,
  SCMP_ARCH_PARISC: 0x0000_000f,
  SCMP_ARCH_PARISC64: 0x8000_000f,
  SCMP_ARCH_RISCV64: 0xc000_00f3,
  SCMP_ARCH_LOONGARCH64: 0xc000_0102,
  SCMP_ARCH_M68K: 0x0000_0004,
  SCMP_ARCH_SH: 0x4000_002a,
  SCMP_ARCH_SHEB: 0x0000_002a,
};

/** SECCOMP_FILTER_FLAG_* by OCI name. */
export const seccompFlagNumbers: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
};
const newListenerFlag = 8;
const eperm = 1;

/** The number that the filter returns for an action; undefined for a name that there is not. EPERM unless said. */
export function seccompActionNumber(action: string, errnoRet: number | undefined): number | undefined {
  const base = own(seccompActions, action);
  if (base === undefined) return undefined;
  if (action !== "SCMP_ACT_ERRNO" && action !== "SCMP_ACT_TRACE") return base;
  return base + ((errnoRet ?? eperm) & 0xffff);
}

/** True when the supervisor has to receive a notification descriptor. */
export function wantsListener(profile: SeccompProfile): boolean {
  return (profile.syscalls ?? []).some((rule) => rule.action === "SCMP_ACT_NOTIFY");
}

/**
 * The flags for seccomp(2). Without a word in the profile speculation is left alone, as in runc: the mitigation
 * costs every system call, and processes that want it can ask for it.
 */
export function seccompFlags(profile: SeccompProfile): number {
  let flags = wantsListener(profile) ? newListenerFlag : 0;
  if (profile.flags === undefined) {
    return flags | (seccompFlagNumbers["SECCOMP_FILTER_FLAG_SPEC_ALLOW"] ?? 0);
  }
  for (const name of profile.flags) flags |= own(seccompFlagNumbers, name) ?? 0;
  return flags;
}
