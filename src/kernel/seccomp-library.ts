/** Seccomp profiles to BPF programs, through libseccomp, which is loaded at the first of them. */
import { dlopen, type Pointer } from "bun:ffi";
import { messageOf, TiffinError } from "../lib/errors.ts";
import { errnoName } from "../linux/errno.ts";
import { filterInstructionBytes } from "../linux/filter/mod.ts";
import {
  type SeccompArgument,
  type SeccompProfile,
  type SeccompRule,
  seccompActionNumber,
  seccompArchitectures,
  seccompOperators,
} from "../linux/seccomp.ts";
import { type LateRule, lateSyscalls, seccompPrologue } from "../linux/seccomp-prologue.ts";
import { readToEnd } from "./io.ts";
import { createMemfd } from "./memfd.ts";
import { cString, machine, syscall } from "./syscall.ts";

function openLibrary() {
  return dlopen("libseccomp.so.2", {
    seccomp_init: { args: ["u32"], returns: "ptr" },
    seccomp_release: { args: ["ptr"], returns: "void" },
    seccomp_arch_add: { args: ["ptr", "u32"], returns: "i32" },
    seccomp_attr_set: { args: ["ptr", "u32", "u32"], returns: "i32" },
    seccomp_rule_add_array: { args: ["ptr", "u32", "i32", "u32", "ptr"], returns: "i32" },
    seccomp_syscall_resolve_name: { args: ["ptr"], returns: "i32" },
    seccomp_syscall_resolve_name_arch: { args: ["u32", "ptr"], returns: "i32" },
    seccomp_export_bpf: { args: ["ptr", "i32"], returns: "i32" },
  }).symbols;
}

type Library = ReturnType<typeof openLibrary>;
let library: Library | undefined;

function loadedLibrary(): Library {
  if (library !== undefined) return library;
  try {
    library = openLibrary();
  } catch (thrown) {
    throw new TiffinError("unavailable", "seccomp.no-library", "cannot load libseccomp.so.2", {
      remedy: "install libseccomp2, or run with --security-opt seccomp=unconfined",
      cause: thrown,
    });
  }
  return library;
}

const attributeNoNewPrivileges = 3;
const attributeOptimize = 8;
const binaryTree = 2;
const syscallUnknown = -1;
const eexist = 17;
/** What the kernel takes. */
export const programLimitBytes = 4096 * filterInstructionBytes;
const argumentBytes = 24;

function invalid(what: string): TiffinError {
  const remedy = "correct the profile, or leave it out: --security-opt seccomp=unconfined allows everything";
  return new TiffinError("invalid", "seccomp.invalid-profile", `seccomp profile: ${what}`, { remedy });
}

function actionOf(action: string, errnoRet: number | undefined): number {
  const number = seccompActionNumber(action, errnoRet);
  if (number === undefined) throw invalid(`unknown action "${action}"`);
  if (errnoRet !== undefined && action !== "SCMP_ACT_ERRNO" && action !== "SCMP_ACT_TRACE") {
    throw invalid(`errnoRet ${errnoRet} with ${action}, which returns no number`);
  }
  return number;
}

/**
 * The profile as `struct sock_filter[]`. Throws `TiffinError` `invalid` for words that a profile may not contain,
 * `unavailable` without libseccomp.
 */
export function translateSeccomp(profile: SeccompProfile): Uint8Array {
  const symbols = loadedLibrary();
  const defaultAction = actionOf(profile.defaultAction, profile.defaultErrnoRet);
  const created = symbols.seccomp_init(defaultAction);
  if (created === null) throw invalid(`default action "${profile.defaultAction}" was refused`);
  // An address fits a double; bun:ffi types it as either.
  const context = Number(created) as Pointer;
  try {
    const architectures = architectureNumbers(profile);
    for (const architecture of architectures) {
      const added = symbols.seccomp_arch_add(context, architecture);
      if (added !== 0 && added !== -eexist)
        throw invalid(`architecture ${architecture}: ${errnoName(-added)}`);
    }
    // The executor sets no_new_privs itself, where the specification wants it.
    symbols.seccomp_attr_set(context, attributeNoNewPrivileges, 0);
    // A library that is too old for a tree makes a longer list; both decide alike.
    symbols.seccomp_attr_set(context, attributeOptimize, binaryTree);
    const rules = (profile.syscalls ?? []).map((rule) => ({
      rule,
      action: actionOf(rule.action, rule.errnoRet),
    }));
    const late: LateRule[] = [];
    for (const { rule, action } of rules) {
      if (action !== defaultAction) late.push(...addRule(symbols, context, rule, action));
    }
    const body = exportProgram(symbols, context);
    if (!refuses(profile.defaultAction, profile.defaultErrnoRet)) return body;
    const prologue = prologueFor(symbols, architectures, profile, late);
    const program = new Uint8Array(Buffer.concat([prologue, body]));
    if (program.length > programLimitBytes) throw invalid("the program is longer than the kernel takes");
    return program;
  } finally {
    symbols.seccomp_release(context);
  }
}

/** Whose calls this machine can make. Rules for others would never be asked: their programs do not run here. */
const ownArchitectures = {
  x86_64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  aarch64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
} as const;

function architectureNumbers(profile: SeccompProfile): number[] {
  const unknown = (profile.architectures ?? []).find((name) => !Object.hasOwn(seccompArchitectures, name));
  if (unknown !== undefined) throw invalid(`unknown architecture "${unknown}"`);
  const [native, ...others] = ownArchitectures[machine];
  const names = [native, ...others.filter((name) => profile.architectures?.includes(name))];
  return names.flatMap((name) => seccompArchitectures[name] ?? []);
}

const enosys = 38;

/** New calls are treated apart only where the default is to refuse with something else than ENOSYS. */
function refuses(defaultAction: string, errnoRet: number | undefined): boolean {
  if (defaultAction === "SCMP_ACT_ERRNO") return errnoRet !== enosys;
  return defaultAction.startsWith("SCMP_ACT_KILL") || defaultAction === "SCMP_ACT_TRAP";
}

/** Adds the rule for every name; names that the library does not know come back, by number where we do. */
function addRule(symbols: Library, context: Pointer, rule: SeccompRule, action: number): LateRule[] {
  const late: LateRule[] = [];
  const alternatives = argumentSets(rule.args ?? []);
  for (const name of rule.names) {
    const number = symbols.seccomp_syscall_resolve_name(cString(name));
    if (number === syscallUnknown) {
      const lateNumber = Object.hasOwn(lateSyscalls, name) ? lateSyscalls[name] : undefined;
      if (lateNumber !== undefined && alternatives.every((set) => set.length === 0)) {
        late.push({ number: lateNumber, action });
      }
      continue;
    }
    for (const set of alternatives) {
      const memory = encodeArguments(set);
      const failed = symbols.seccomp_rule_add_array(
        context,
        action,
        number,
        set.length,
        set.length === 0 ? null : memory,
      );
      if (failed !== 0 && failed !== -eexist) {
        throw invalid(`rule "${rule.action}" for "${name}" was refused: ${errnoName(-failed)}`);
      }
    }
  }
  return late;
}

/**
 * All conditions of a rule hold together, except that libseccomp takes one condition per argument: when one is
 * asked about twice, every condition becomes a rule of its own, as runc does it.
 */
function argumentSets(args: readonly SeccompArgument[]): (readonly SeccompArgument[])[] {
  const indexes = new Set(args.map((argument) => argument.index));
  return indexes.size === args.length ? [args] : args.map((argument) => [argument]);
}

function isOperator(op: string): op is keyof typeof seccompOperators {
  return Object.hasOwn(seccompOperators, op);
}

/** struct scmp_arg_cmp: u32 index, u32 operator, u64, u64. */
function encodeArguments(args: readonly SeccompArgument[]): Uint8Array {
  const memory = new Uint8Array(Math.max(1, args.length) * argumentBytes);
  const view = new DataView(memory.buffer);
  args.forEach((argument, position) => {
    if (!isOperator(argument.op)) throw invalid(`unknown operator "${argument.op}"`);
    if (!Number.isInteger(argument.index) || argument.index < 0 || argument.index > 5) {
      throw invalid(`argument index ${argument.index}, wanted 0 to 5`);
    }
    const at = position * argumentBytes;
    view.setUint32(at, argument.index, true);
    view.setUint32(at + 4, seccompOperators[argument.op], true);
    view.setBigUint64(at + 8, unsigned(argument.value), true);
    view.setBigUint64(at + 16, unsigned(argument.valueTwo ?? 0), true);
  });
  return memory;
}

function unsigned(value: number | bigint): bigint {
  try {
    const exact = BigInt(value);
    if (exact >= 0n && exact < 1n << 64n) return exact;
  } catch (thrown) {
    throw invalid(`argument value ${value}: ${messageOf(thrown)}`);
  }
  throw invalid(`argument value ${value} is not an unsigned 64-bit number`);
}

function exportProgram(symbols: Library, context: Pointer): Uint8Array {
  using memfd = createMemfd("seccomp");
  const failed = symbols.seccomp_export_bpf(context, memfd.raw);
  if (failed !== 0) throw invalid(`export failed: ${errnoName(-failed)}`);
  syscall("lseek", memfd.what, memfd.raw, 0, 0);
  return readToEnd(memfd, programLimitBytes).slice();
}

const x32 = seccompArchitectures["SCMP_ARCH_X32"];
const x86 = seccompArchitectures["SCMP_ARCH_X86_64"];

function prologueFor(
  symbols: Library,
  architectures: readonly number[],
  profile: SeccompProfile,
  late: readonly LateRule[],
): Uint8Array {
  const names = [...new Set((profile.syscalls ?? []).flatMap((rule) => rule.names))].map(cString);
  const known = architectures
    .filter((architecture) => architecture !== x32)
    .map((auditNumber) => ({
      auditNumber,
      withX32: auditNumber === x86 && architectures.some((each) => each === x32),
      highestKnown: names.reduce(
        (high, name) => Math.max(high, symbols.seccomp_syscall_resolve_name_arch(auditNumber, name)),
        0,
      ),
    }));
  return seccompPrologue(known, late);
}
