/** How each view is read; total over the names, so that a new one does not compile without. */

import { statListFields, statmListFields } from "../describe-stat.ts";
import { statusFields } from "../describe-status.ts";
import { pageBytesOfMachine } from "../machine.ts";
import type { ObservedProcess } from "../observed-process.ts";
import type { ViewName } from "../outline.ts";
import { fields, type Report } from "../report.ts";
import { mapsReport, memoryDump, parseRange, readMemory, smapsReport } from "./address-space.ts";
import { descriptorsReport } from "./descriptors.ts";
import { networkReport } from "./network.ts";
import { cgroupsReport, mountsReport, namespacesReport } from "./places.ts";
import { argumentsReport, environmentReport, linkReport, oomReport, threadsReport } from "./program.ts";
import { ioReport, limitsReport, schedReport } from "./usage.ts";

interface View {
  /** The file below /proc/PID that `--raw` prints as it is. */
  readonly file: string | undefined;
  report(process: ObservedProcess, range: string | undefined): Report;
}

export const views: Readonly<Record<ViewName, View>> = {
  cmdline: { file: "cmdline", report: argumentsReport },
  exe: { file: undefined, report: (process) => linkReport(process, "exe") },
  cwd: { file: undefined, report: (process) => linkReport(process, "cwd") },
  root: { file: undefined, report: (process) => linkReport(process, "root") },
  environ: { file: "environ", report: environmentReport },
  status: {
    file: "status",
    report: (process) => ({ sections: [fields("", statusFields(process.text("status")))] }),
  },
  stat: {
    file: "stat",
    report: (process) => ({
      sections: [fields("", statListFields(process.text("stat"), pageBytesOfMachine()))],
    }),
  },
  statm: {
    file: "statm",
    report: (process) => ({
      sections: [fields("", statmListFields(process.text("statm"), pageBytesOfMachine()))],
    }),
  },
  fd: { file: undefined, report: descriptorsReport },
  limits: { file: "limits", report: limitsReport },
  maps: { file: "maps", report: mapsReport },
  smaps: { file: "smaps", report: smapsReport },
  mem: {
    file: undefined,
    report(process, range) {
      const bytes = readMemory(process, range, false);
      return { sections: [memoryDump(bytes, parseRange(range ?? "").start)] };
    },
  },
  io: { file: "io", report: ioReport },
  sched: { file: "sched", report: schedReport },
  oom: { file: "oom_score_adj", report: oomReport },
  task: { file: undefined, report: threadsReport },
  mounts: { file: "mountinfo", report: mountsReport },
  cgroup: { file: "cgroup", report: cgroupsReport },
  ns: { file: undefined, report: namespacesReport },
  net: { file: "net/dev", report: networkReport },
};

const encoder = new TextEncoder();

/** The kernel's own bytes: of the view's file, of a link's target, of memory. */
export function rawView(name: ViewName, process: ObservedProcess, range: string | undefined): Uint8Array {
  if (name === "mem") return readMemory(process, range, true);
  if (name === "exe" || name === "cwd" || name === "root") return encoder.encode(`${process.link(name)}\n`);
  const { file } = views[name];
  if (file !== undefined) return process.bytes(file);
  const lines = process.list(name).map((entry) => {
    const target = process.linkIfPossible(`${name}/${entry.name}`);
    return target === undefined ? entry.name : `${entry.name} -> ${target}`;
  });
  return encoder.encode(`${lines.join("\n")}\n`);
}
