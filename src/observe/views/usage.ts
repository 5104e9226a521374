/** What a process may use and has used: `limits`, `io`, `sched` (proc_pid_limits(5), proc_pid_io(5)). */
import { own } from "../../lib/own.ts";
import type { ObservedProcess } from "../observed-process.ts";
import { type Cell, type Field, fields, type Report, table } from "../report.ts";
import { bytesText, exactNumber, secondsText } from "../units.ts";

interface LimitMeaning {
  readonly ulimit: string;
  readonly meaning: string;
}

const limitMeanings: Readonly<Record<string, LimitMeaning>> = {
  "Max cpu time": { ulimit: "cpu", meaning: "seconds of processor time, then SIGXCPU" },
  "Max file size": { ulimit: "fsize", meaning: "the largest file it may write, then SIGXFSZ" },
  "Max data size": { ulimit: "data", meaning: "data and heap" },
  "Max stack size": { ulimit: "stack", meaning: "main stack" },
  "Max core file size": { ulimit: "core", meaning: "the largest core file; 0 for none" },
  "Max resident set": { ulimit: "rss", meaning: "without effect since Linux 2.4.30" },
  "Max processes": { ulimit: "nproc", meaning: "processes and threads of the user" },
  "Max open files": { ulimit: "nofile", meaning: "the highest descriptor plus one" },
  "Max locked memory": { ulimit: "memlock", meaning: "memory kept from being swapped out" },
  "Max address space": { ulimit: "as", meaning: "address space" },
  "Max file locks": { ulimit: "locks", meaning: "without effect since Linux 2.4.25" },
  "Max pending signals": { ulimit: "sigpending", meaning: "queued signals of the user" },
  "Max msgqueue size": { ulimit: "msgqueue", meaning: "bytes in POSIX message queues of the user" },
  "Max nice priority": { ulimit: "nice", meaning: "how far nice may be lowered: 20 minus the value" },
  "Max realtime priority": { ulimit: "rtprio", meaning: "highest real-time priority it may ask for" },
  "Max realtime timeout": { ulimit: "rttime", meaning: "microseconds of real-time running without a wait" },
};

function limitCell(text: string, unit: string): Cell {
  if (text === "unlimited") return text;
  const value = exactNumber(text);
  return { value, shown: unit === "bytes" ? bytesText(Number(text)) : text };
}

export function limitsReport(process: ObservedProcess): Report {
  const rows = process
    .text("limits")
    .split("\n")
    .slice(1)
    .flatMap((line): Cell[][] => {
      const match = /^(.{25}) (\S+) +(\S+) *(\S*)/.exec(line);
      if (match?.[1] === undefined) return [];
      const [, title, soft = "", hard = "", unit = ""] = match;
      const known = own(limitMeanings, title.trim());
      return [
        [
          known?.ulimit ?? title.trim(),
          limitCell(soft, unit),
          limitCell(hard, unit),
          unit,
          known?.meaning ?? "",
        ],
      ];
    });
  return {
    sections: [
      table("", { name: "LIMIT", soft: "SOFT", hard: "HARD", unit: "UNIT", meaning: "MEANING" }, rows),
    ],
    notes: ["A process may raise its soft limit up to the hard one; names are those of --ulimit."],
  };
}

const ioMeanings: Readonly<Record<string, string>> = {
  rchar: "bytes asked of read(2) and its kin, from wherever they came",
  wchar: "bytes given to write(2) and its kin",
  syscr: "calls that read",
  syscw: "calls that wrote",
  read_bytes: "bytes that came from a device",
  write_bytes: "bytes that went, or will go, to a device",
  cancelled_write_bytes: "bytes that need not be written any more, as the file was cut or removed",
};

export function ioReport(process: ObservedProcess): Report {
  const list = process
    .text("io")
    .split("\n")
    .flatMap((line): Field[] => {
      const [key, raw] = line.split(": ");
      if (key === undefined || raw === undefined) return [];
      const text = key.startsWith("sys") ? raw : bytesText(Number(raw));
      return [{ key, value: exactNumber(raw), text, meaning: own(ioMeanings, key) ?? "" }];
    });
  return { sections: [fields("", list)] };
}

const schedMeanings: Readonly<Record<string, string>> = {
  "se.exec_start": "when it last began to run, ms after the machine",
  "se.vruntime": "weighted processor time; the smallest runs next",
  "se.sum_exec_runtime": "processor time",
  "se.nr_migrations": "how often it changed the processor",
  nr_switches: "how often the processor went to another thread",
  nr_voluntary_switches: "of these, because it waited",
  nr_involuntary_switches: "of these, because its turn was over",
  "se.load.weight": "its weight, from nice and scaled",
  policy: "0 other, 1 FIFO, 2 round robin, 3 batch, 5 idle, 6 deadline",
  prio: "kernel priority: 120 is nice 0, below 100 is real time",
  "se.slice": "length of a turn, ns",
  sum_sleep_runtime: "time spent sleeping",
};

const inMilliseconds = new Set(["se.exec_start", "se.vruntime", "se.sum_exec_runtime"]);

export function schedReport(process: ObservedProcess): Report {
  const list = process
    .text("sched")
    .split("\n")
    .flatMap((line): Field[] => {
      const match = /^(\S+) +: +(\S+)$/.exec(line);
      if (match?.[1] === undefined || match[2] === undefined) return [];
      const [, key, raw] = match;
      const text = inMilliseconds.has(key) ? secondsText(Number(raw) / 1000) : raw;
      return [{ key, value: exactNumber(raw), text, meaning: own(schedMeanings, key) ?? "" }];
    });
  return { sections: [fields("", list)] };
}
