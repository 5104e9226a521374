/** What a process runs and where: `cmdline`, `environ`, `exe`, `cwd`, `root`, `oom`, `task`. */

import { own } from "../../lib/own.ts";
import { parseStat } from "../../linux/proc.ts";
import { ticksPerSecond } from "../describe-stat.ts";
import { processStates } from "../describe-status.ts";
import { isKernelThread, type ObservedProcess } from "../observed-process.ts";
import { type Cell, fields, type Report, table } from "../report.ts";
import { exactNumber, plural, secondsText } from "../units.ts";

function withoutLastEmpty(text: string): string[] {
  const words = text.split("\0");
  if (words.at(-1) === "") words.pop();
  return words;
}

/** Why a process has no arguments and no environment. */
function emptyNotes(process: ObservedProcess, what: string): string[] {
  const stat = process.stat;
  if (stat.state === "Z")
    return [`Process ${process.pid} (${stat.name}) has ended and waits for its parent: its memory is gone.`];
  if (isKernelThread(stat))
    return [`Process ${process.pid} (${stat.name}) is a thread of the kernel: it has no ${what}.`];
  return [`Process ${process.pid} (${stat.name}) has no ${what}.`];
}

export function argumentsReport(process: ObservedProcess): Report {
  const words = withoutLastEmpty(process.text("cmdline"));
  const rows = words.map((word, index): Cell[] => [index, word]);
  return {
    sections: [table("", { index: "INDEX", argument: "ARGUMENT" }, rows)],
    notes: rows.length === 0 ? emptyNotes(process, "arguments") : [],
  };
}

export function environmentReport(process: ObservedProcess): Report {
  const rows = withoutLastEmpty(process.text("environ")).map((line): Cell[] => {
    const equals = line.indexOf("=");
    return equals < 0 ? [line, null] : [line.slice(0, equals), line.slice(equals + 1)];
  });
  return {
    sections: [table("", { name: "NAME", value: "VALUE" }, rows)],
    notes:
      rows.length === 0
        ? emptyNotes(process, "environment")
        : ["As the program was given it; what it has changed since is in its own memory alone."],
  };
}

const deletedMark = " (deleted)";

export function linkReport(process: ObservedProcess, name: "exe" | "cwd" | "root"): Report {
  const link = process.link(name);
  const deleted = link.endsWith(deletedMark);
  const path = deleted ? link.slice(0, -deletedMark.length) : link;
  const meaning = {
    exe: "the program file",
    cwd: "where its relative paths begin",
    root: "what it sees as /; '/' is the root of its own mount namespace",
  }[name];
  return {
    sections: [
      fields("", [
        { key: "path", value: path, text: path, meaning: `${meaning}, as its mount namespace names it` },
        {
          key: "deleted",
          value: deleted,
          text: deleted ? "yes" : "no",
          meaning: deleted
            ? "its name is gone, its content stays as long as it is used"
            : "whether its name is gone",
        },
        {
          key: "reach",
          value: `/proc/${process.pid}/${name}`,
          text: `/proc/${process.pid}/${name}`,
          meaning: "the same thing, reached from here",
        },
      ]),
    ],
  };
}

export function oomReport(process: ObservedProcess): Report {
  const value = (name: string): number => Number(process.text(name).trim());
  const score = value("oom_score");
  const adjustment = value("oom_score_adj");
  return {
    sections: [
      fields("", [
        {
          key: "oom_score",
          value: score,
          text: String(score),
          meaning: "the kernel ends the process with the highest first, 0 to 2000",
        },
        {
          key: "oom_score_adj",
          value: adjustment,
          text: String(adjustment),
          meaning: "added to it, -1000 (never) to 1000 (first); --oom-score-adj of a container",
        },
      ]),
    ],
  };
}

export function threadsReport(process: ObservedProcess): Report {
  const rows = process
    .list("task")
    .map(({ name }) => Number(name))
    .sort((one, other) => one - other)
    .flatMap((thread): Cell[][] => {
      const stat = parseStat(process.textIfPossible(`task/${thread}/stat`) ?? "");
      if (stat === undefined) return [];
      const seconds = stat.cpuTicks / ticksPerSecond;
      const inside = /^NSpid:\s*(.*)$/m.exec(process.textIfPossible(`task/${thread}/status`) ?? "")?.[1];
      const last = inside?.split(/\s+/).at(-1);
      return [
        [
          thread,
          last === undefined ? null : exactNumber(last),
          stat.name,
          { value: stat.state, shown: `${stat.state}: ${own(processStates, stat.state) ?? ""}` },
          { value: seconds, shown: secondsText(seconds) },
        ],
      ];
    });
  return {
    sections: [
      table("", { tid: "TID", inside: "INSIDE", name: "NAME", state: "STATE", cpu: "CPU TIME" }, rows),
    ],
    notes: [`${plural(rows.length, "thread")}. INSIDE is the number in its own pid namespace.`],
  };
}
