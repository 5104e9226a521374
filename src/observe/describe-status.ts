/** /proc/PID/status, each line with its meaning (proc_pid_status(5)). Pure. */

import { own } from "../lib/own.ts";
import { capabilitiesOfMask } from "../linux/capabilities.ts";
import { signalName } from "../linux/signals.ts";
import type { Field, Json } from "./report.ts";
import { bytesText, exactNumber } from "./units.ts";

export const processStates: Readonly<Record<string, string>> = {
  R: "running or ready to run",
  S: "sleeping, a signal wakes it",
  D: "waiting in the kernel, mostly for a device; signals wait too",
  T: "stopped by a signal",
  t: "stopped by a tracer",
  Z: "ended, its parent has not asked for the exit status (zombie)",
  X: "dead",
  I: "idle thread of the kernel",
  P: "parked",
};

const seccompModes: Readonly<Record<string, string>> = {
  "0": "no filter",
  "1": "strict: read, write, exit only",
  "2": "a filter decides about each system call",
};

const meanings: Readonly<Record<string, string>> = {
  Name: "the program's name, at most 15 bytes; a process may change it",
  Umask: "permission bits that new files do not get, octal",
  State: "what it is doing",
  Tgid: "the process; every thread of it has this number here",
  Ngid: "NUMA group, 0 for none",
  Pid: "the thread",
  PPid: "its parent",
  TracerPid: "who traces it, 0 for nobody",
  Uid: "user: real, effective, saved, for files",
  Gid: "group: real, effective, saved, for files",
  FDSize: "slots of the descriptor table, a multiple of 64",
  Groups: "supplementary groups",
  NStgid: "the process's number in each pid namespace, from this one inward",
  NSpid: "the thread's number in each pid namespace, from this one inward",
  NSpgid: "the process group in each pid namespace",
  NSsid: "the session in each pid namespace",
  Kthread: "1 for a thread of the kernel",
  VmPeak: "largest address space so far",
  VmSize: "address space, used or not",
  VmLck: "kept from being swapped out by mlock(2)",
  VmPin: "pages that may not move, for devices",
  VmHWM: "most memory ever resident",
  VmRSS: "memory resident now: the next three together",
  RssAnon: "resident, of no file: heap, stacks",
  RssFile: "resident, of files: the program, libraries, mapped files",
  RssShmem: "resident, shared memory and tmpfs",
  VmData: "private writable ranges",
  VmStk: "main stack",
  VmExe: "the program's code",
  VmLib: "code of shared libraries",
  VmPTE: "page tables",
  VmSwap: "swapped out, shared memory not counted",
  HugetlbPages: "huge pages of hugetlbfs",
  CoreDumping: "1 while a core file is being written",
  THP_enabled: "1 when transparent huge pages are allowed",
  untag_mask: "which bits of addresses count",
  Threads: "threads",
  SigQ: "queued signals / how many may be queued for this user",
  SigPnd: "signals pending for this thread",
  ShdPnd: "signals pending for the process",
  SigBlk: "signals blocked",
  SigIgn: "signals ignored",
  SigCgt: "signals with a handler",
  CapInh: "capabilities that an execve may keep (inheritable)",
  CapPrm: "capabilities that it may use (permitted)",
  CapEff: "capabilities that count now (effective)",
  CapBnd: "capabilities that it can ever get (bounding)",
  CapAmb: "capabilities that ordinary programs get at execve (ambient)",
  NoNewPrivs: "1: execve gives no privileges, setuid or file capabilities are without effect",
  Seccomp: "filter of system calls",
  Seccomp_filters: "how many filters are installed",
  Speculation_Store_Bypass: "mitigation of speculative store bypass",
  SpeculationIndirectBranch: "mitigation of indirect branch speculation",
  Cpus_allowed: "processors it may run on, as a mask",
  Cpus_allowed_list: "processors it may run on",
  Mems_allowed: "memory nodes it may use, as a mask",
  Mems_allowed_list: "memory nodes it may use",
  voluntary_ctxt_switches: "how often it gave up the processor to wait",
  nonvoluntary_ctxt_switches: "how often the processor was taken from it",
  x86_Thread_features: "shadow stack features in use",
  x86_Thread_features_locked: "shadow stack features that cannot be changed",
};

export function signalsOfMask(hex: string): string[] {
  const mask = BigInt(`0x${hex}`);
  const names: string[] = [];
  for (let number = 1; number <= 64; number += 1) {
    if ((mask >> BigInt(number - 1)) & 1n) names.push(signalName(number));
  }
  return names;
}

function listOr(names: readonly string[], none: string): string {
  return names.length === 0 ? none : names.join(" ");
}

function capabilitiesField(hex: string): readonly [Json, string] {
  const names = capabilitiesOfMask(BigInt(`0x${hex}`));
  const known = names.length;
  const short = names.map((name) => name.slice("CAP_".length).toLowerCase());
  return [names, known >= 38 ? `all ${known} (${hex})` : listOr(short, "none")];
}

const hexMask = /^[0-9a-f]{16}$/;

function decode(key: string, raw: string): readonly [Json, string] {
  const kilobytes = /^(\d+) kB$/.exec(raw);
  if (kilobytes?.[1] !== undefined) {
    const bytes = Number(kilobytes[1]) * 1024;
    return [bytes, bytesText(bytes)];
  }
  if (key === "State") {
    const letter = raw.slice(0, 1);
    return [letter, `${letter}: ${own(processStates, letter) ?? raw}`];
  }
  if (key === "Seccomp") return [exactNumber(raw), own(seccompModes, raw) ?? raw];
  if (key.startsWith("Cap") && hexMask.test(raw)) return capabilitiesField(raw);
  if (/^(?:Sig|Shd)/.test(key) && hexMask.test(raw)) {
    const names = signalsOfMask(raw);
    return [names, listOr(names, "none")];
  }
  if (/^\d+(\s+\d+)+$/.test(raw)) return [raw.split(/\s+/).map(exactNumber), raw.split(/\s+/).join(" ")];
  if (key === "Umask") return [raw, raw];
  if (key === "Groups")
    return [raw === "" ? [] : raw.split(/\s+/).map(exactNumber), listOr(raw === "" ? [] : [raw], "none")];
  return [/^\d+$/.test(raw) ? exactNumber(raw) : raw, raw];
}

export function statusFields(text: string): Field[] {
  const list: Field[] = [];
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const key = line.slice(0, colon);
    const [value, shown] = decode(key, line.slice(colon + 1).trim());
    list.push({ key, value, text: shown, meaning: own(meanings, key) ?? "" });
  }
  return list;
}
