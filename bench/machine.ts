/** The machine that a figure is of, and whether anything else kept it busy meanwhile. */
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { has } from "./peers.ts";

export interface MachineFacts {
  readonly processor: string;
  readonly processors: number;
  readonly memoryGb: number;
  readonly kernel: string;
  /** By program, what it says of its version. */
  readonly versions: Readonly<Record<string, string>>;
}

export interface Quiet {
  /** Share of all processors that was busy in a second in which the bench did nothing, before and after. */
  readonly busyBefore: number;
  readonly busyAfter: number;
  readonly loadBefore: number;
  /** Share of the time of the run that a hypervisor gave to others. */
  readonly stolen: number;
}

const bytesPerGb = 1024 ** 3;
const idleMs = 1000;
/** More than this and a figure says little. */
const limitBusy = 0.1;
const limitStolen = 0.02;

interface ProcessorTimes {
  readonly total: number;
  readonly idle: number;
  readonly stolen: number;
}

function processorTimes(): ProcessorTimes {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  const times = line.split(/\s+/).slice(1, 9).map(Number);
  const [, , , idle = 0, waiting = 0, , , stolen = 0] = times;
  return { total: times.reduce((sum, time) => sum + time, 0), idle: idle + waiting, stolen };
}

function busyShare(before: ProcessorTimes, after: ProcessorTimes): number {
  const total = after.total - before.total;
  return total === 0 ? 0 : 1 - (after.idle - before.idle) / total;
}

async function busyNow(): Promise<number> {
  const before = processorTimes();
  await Bun.sleep(idleMs);
  return busyShare(before, processorTimes());
}

function versionOf(program: string, ...words: string[]): string | undefined {
  if (!has(program) && !program.includes("/")) return undefined;
  const { exitCode, stdout } = Bun.spawnSync([program, ...words], { stderr: "ignore" });
  return exitCode === 0 ? (stdout.toString().split("\n")[0] ?? "").trim() : undefined;
}

export function machineFacts(binary: string): MachineFacts {
  const processors = cpus();
  const asked: Readonly<Record<string, string | undefined>> = {
    tiffin: versionOf(binary, "--version"),
    commit: versionOf("git", "rev-parse", "--short", "HEAD"),
    docker: versionOf("docker", "version", "--format", "{{.Server.Version}}"),
    podman: versionOf("podman", "--version"),
    crun: versionOf("crun", "--version"),
    runc: versionOf("runc", "--version"),
  };
  const versions: Record<string, string> = {};
  for (const [name, version] of Object.entries(asked)) if (version !== undefined) versions[name] = version;
  return {
    processor: processors[0]?.model ?? "unknown",
    processors: processors.length,
    memoryGb: Math.round(totalmem() / bytesPerGb),
    kernel: release(),
    versions,
  };
}

/** Looks at the machine before a run; the function that it gives looks again, after it. */
export async function watchQuiet(): Promise<() => Promise<Quiet>> {
  const [loadBefore = 0] = readFileSync("/proc/loadavg", "utf8").split(" ").map(Number);
  const busyBefore = await busyNow();
  const begun = processorTimes();
  return async () => {
    const ended = processorTimes();
    const stolen = (ended.stolen - begun.stolen) / Math.max(1, ended.total - begun.total);
    return { busyBefore, busyAfter: await busyNow(), loadBefore, stolen };
  };
}

export function loadText({ loadBefore, busyBefore, busyAfter }: Quiet): string {
  const share = (value: number): string => `${(value * 100).toFixed(0)} %`;
  return `load before ${loadBefore.toFixed(2)}; others used ${share(busyBefore)} of the processors before and ${share(busyAfter)} after`;
}

/** Why the figures should not be trusted; empty where they may be. */
export function noiseOf({ busyBefore, busyAfter, stolen }: Quiet): string[] {
  const share = (value: number): string => `${(value * 100).toFixed(0)} %`;
  const noise: string[] = [];
  for (const [when, busy] of [
    ["before", busyBefore],
    ["after", busyAfter],
  ] as const) {
    if (busy > limitBusy) noise.push(`other programs used ${share(busy)} of the processors ${when} the run`);
  }
  if (stolen > limitStolen) noise.push(`the hypervisor took ${share(stolen)} of the run for others`);
  return noise;
}
