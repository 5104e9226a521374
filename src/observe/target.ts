/** Which process is meant: one of this machine by its number, or one of a container by the number it has in there. */
import { parseStatus } from "../linux/proc.ts";
import { gone } from "./errors.ts";
import { allPids, ObservedProcess } from "./observed-process.ts";

export interface Target {
  /** The process, or the first process of the container. */
  readonly pid: number;
  /** In the pid namespace of `pid`; undefined is `pid` itself. */
  readonly inside?: number;
  /** The container's name, for messages. */
  readonly container?: string;
}

/** The numbers of `process` from this /proc's namespace to its own. */
export function namespacePids(process: ObservedProcess): number[] {
  const line = parseStatus(process.textIfPossible("status") ?? "").get("NSpid");
  return line === undefined ? [process.pid] : line.split(/\s+/).map(Number);
}

export function openTarget(target: Target): ObservedProcess {
  const first = ObservedProcess.ifThere(target.pid);
  if (first === undefined) {
    if (target.container === undefined) return ObservedProcess.of(target.pid);
    throw gone(`container ${target.container} has just ended`);
  }
  if (target.inside === undefined) return first;
  using _ = first;
  return processInside(first, target.inside, target.container ?? String(target.pid));
}

function processInside(first: ObservedProcess, number: number, name: string): ObservedProcess {
  const namespace = first.link("ns/pid");
  const seen: number[] = [];
  for (const pid of allPids()) {
    const process = ObservedProcess.ifThere(pid);
    if (process === undefined) continue;
    if (process.linkIfPossible("ns/pid") === namespace) {
      const own = namespacePids(process).at(-1);
      if (own === number) return process;
      if (own !== undefined) seen.push(own);
    }
    process[Symbol.dispose]();
  }
  const there = seen.length === 0 ? "" : `; it has ${seen.sort((one, other) => one - other).join(", ")}`;
  throw gone(`container ${name} has no process ${number}${there}`, `tiffin proc tree ${name} shows them`);
}

export interface ContainerMark {
  /** The id, 64 hexadecimal digits. */
  readonly id: string;
  /** The word before it in the group's path: `tiffin`, `docker`, `libpod`. */
  readonly engine: string;
}

const idInPath = /(?:^|\/)(?:([a-z][a-z-]*)[-/:])?([0-9a-f]{64})(?:\.scope)?(?:\/|$)/;

/** The container that a process's groups name, whoever has made it: engines put the container's id into the path. */
export function containerOf(cgroupText: string): ContainerMark | undefined {
  for (const line of cgroupText.split("\n")) {
    const path = line.slice(line.indexOf(":", line.indexOf(":") + 1) + 1);
    const match = idInPath.exec(path);
    if (match?.[2] !== undefined) return { id: match[2], engine: match[1] ?? "" };
  }
  return undefined;
}

export function containerOfProcess(process: ObservedProcess): ContainerMark | undefined {
  return containerOf(process.textIfPossible("cgroup") ?? "");
}

/** The words of a process for one line: its arguments, or its name in brackets as ps shows it. */
export function commandOf(process: ObservedProcess): string {
  const text = process.textIfPossible("cmdline") ?? "";
  const words = text.split("\0");
  if (words.at(-1) === "") words.pop();
  return words.length === 0 ? `[${process.statIfPossible?.name ?? "?"}]` : words.join(" ");
}
