/** /proc/PID/stat and statm, each number with its meaning (proc_pid_stat(5)). Pure. */
import { own } from "../lib/own.ts";
import { signalName } from "../linux/signals.ts";
import { processStates } from "./describe-status.ts";
import type { Field, Json } from "./report.ts";
import { bytesText, exactNumber, secondsText } from "./units.ts";

/** What the kernel tells user space, on every machine that this runs on (sysconf(3), _SC_CLK_TCK). */
export const ticksPerSecond = 100;

type Unit =
  | "plain"
  | "ticks"
  | "bytes"
  | "pages"
  | "address"
  | "signals"
  | "boot"
  | "signal"
  | "terminal"
  | "policy";

/** In the file's order, from the third on; the first two are the number and the name. */
const statFields: readonly (readonly [key: string, unit: Unit, meaning: string])[] = [
  ["ppid", "plain", "its parent"],
  ["pgrp", "plain", "process group"],
  ["session", "plain", "session"],
  ["tty_nr", "terminal", "controlling terminal, major:minor"],
  ["tpgid", "plain", "foreground process group of the terminal, -1 without one"],
  ["flags", "address", "PF_* flags of the kernel"],
  ["minflt", "plain", "page faults answered from memory"],
  ["cminflt", "plain", "the same, of children that were waited for"],
  ["majflt", "plain", "page faults that read from a disk"],
  ["cmajflt", "plain", "the same, of children that were waited for"],
  ["utime", "ticks", "processor time in the program"],
  ["stime", "ticks", "processor time in the kernel"],
  ["cutime", "ticks", "time in the program, of children that were waited for"],
  ["cstime", "ticks", "time in the kernel, of children that were waited for"],
  ["priority", "plain", "as the scheduler sees it; for real time the negated priority minus one"],
  ["nice", "plain", "from -20 (first) to 19 (last)"],
  ["num_threads", "plain", "threads"],
  ["itrealvalue", "plain", "always 0"],
  ["starttime", "boot", "when it began, after the machine"],
  ["vsize", "bytes", "address space"],
  ["rss", "pages", "resident memory, not exact"],
  ["rsslim", "bytes", "soft limit of resident memory, without effect"],
  ["startcode", "address", "where its code begins"],
  ["endcode", "address", "where its code ends"],
  ["startstack", "address", "where its stack begins"],
  ["kstkesp", "address", "stack pointer; 0 unless it is exiting"],
  ["kstkeip", "address", "instruction pointer; 0 unless it is exiting"],
  ["signal", "signals", "pending signals of the first 31"],
  ["blocked", "signals", "blocked signals of the first 31"],
  ["sigignore", "signals", "ignored signals of the first 31"],
  ["sigcatch", "signals", "caught signals of the first 31"],
  ["wchan", "plain", "1 while it waits in the kernel"],
  ["nswap", "plain", "always 0"],
  ["cnswap", "plain", "always 0"],
  ["exit_signal", "signal", "what its parent is sent at its end"],
  ["processor", "plain", "processor it ran on last"],
  ["rt_priority", "plain", "real-time priority, 0 for none"],
  ["policy", "policy", "scheduling policy"],
  ["delayacct_blkio_ticks", "ticks", "waited for block devices"],
  ["guest_time", "ticks", "ran a virtual processor"],
  ["cguest_time", "ticks", "the same, of children"],
  ["start_data", "address", "where its data begins"],
  ["end_data", "address", "where its data ends"],
  ["start_brk", "address", "where its heap begins"],
  ["arg_start", "address", "where its arguments begin"],
  ["arg_end", "address", "where its arguments end"],
  ["env_start", "address", "where its environment begins"],
  ["env_end", "address", "where its environment ends"],
  ["exit_code", "plain", "its exit status as waitpid(2) gives it"],
];

const policies: Readonly<Record<string, string>> = {
  "0": "SCHED_OTHER",
  "1": "SCHED_FIFO",
  "2": "SCHED_RR",
  "3": "SCHED_BATCH",
  "5": "SCHED_IDLE",
  "6": "SCHED_DEADLINE",
  "7": "SCHED_EXT",
};

const noLimit = "18446744073709551615";

function terminalText(number: number): string {
  if (number === 0) return "none";
  const major = (number >> 8) & 0xfff;
  const minor = (number & 0xff) | ((number >> 12) & 0xfff00);
  return `${major}:${minor}`;
}

function decode(unit: Unit, raw: string, pageBytes: number): readonly [Json, string] {
  const value = exactNumber(raw);
  switch (unit) {
    case "ticks":
    case "boot": {
      const seconds = Number(raw) / ticksPerSecond;
      return [seconds, secondsText(seconds)];
    }
    case "bytes":
      return raw === noLimit ? ["unlimited", "unlimited"] : [value, bytesText(Number(raw))];
    case "pages": {
      const bytes = Number(raw) * pageBytes;
      return [bytes, bytesText(bytes)];
    }
    case "address":
      return [`0x${BigInt(raw).toString(16)}`, `0x${BigInt(raw).toString(16)}`];
    case "signals": {
      const mask = BigInt(raw);
      const names = Array.from({ length: 31 }, (_, index) => index + 1)
        .filter((number) => (mask >> BigInt(number - 1)) & 1n)
        .map(signalName);
      return [names, names.length === 0 ? "none" : names.join(" ")];
    }
    case "signal":
      return [value, raw === "0" ? "none" : Number(raw) > 0 ? signalName(Number(raw)) : raw];
    case "terminal":
      return [terminalText(Number(raw)), terminalText(Number(raw))];
    case "policy":
      return [own(policies, raw) ?? value, own(policies, raw) ?? raw];
    case "plain":
      return [value, raw];
  }
}

/** The name may contain anything, so it ends at the last `)`. */
export function statListFields(text: string, pageBytes: number): Field[] {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  const [state = "", ...numbers] = text
    .slice(close + 2)
    .trim()
    .split(" ");
  const list: Field[] = [
    {
      key: "pid",
      value: Number(text.slice(0, open)),
      text: text.slice(0, open).trim(),
      meaning: "the process",
    },
    {
      key: "comm",
      value: text.slice(open + 1, close),
      text: text.slice(open + 1, close),
      meaning: "its name",
    },
    {
      key: "state",
      value: state,
      text: `${state}: ${own(processStates, state) ?? ""}`,
      meaning: "what it is doing",
    },
  ];
  for (const [index, raw] of numbers.entries()) {
    const [key, unit, meaning] = statFields[index] ?? [`field_${index + 4}`, "plain" as const, ""];
    const [value, shown] = decode(unit, raw, pageBytes);
    list.push({ key, value, text: shown, meaning });
  }
  return list;
}

const statmFields = [
  ["size", "address space"],
  ["resident", "resident memory"],
  ["shared", "resident, of files and shared memory"],
  ["text", "code"],
  ["lib", "always 0"],
  ["data", "data and stack"],
  ["dt", "always 0"],
] as const;

export function statmListFields(text: string, pageBytes: number): Field[] {
  return text
    .trim()
    .split(" ")
    .map((raw, index) => {
      const [key, meaning] = statmFields[index] ?? [`field_${index + 1}`, ""];
      const bytes = Number(raw) * pageBytes;
      return { key, value: bytes, text: `${bytesText(bytes)} (${raw} pages)`, meaning };
    });
}
