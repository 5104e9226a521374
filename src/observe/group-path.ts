/**
 * What a container's control groups allow, have used and have waited for, level by level up to the root: a limit counts on
 * every level above, so the narrowest of them is the one that is felt (cgroups(7)).
 */
import { readTextIfPossible } from "../kernel/files.ts";
import { type Pressure, parsePressure } from "../linux/cgroup-details.ts";
import { parseFlatKeyed, parseLimit } from "../linux/cgroup-stats.ts";
import { type Cell, type Report, type Section, table } from "./report.ts";
import { openTarget, type Target } from "./target.ts";
import { bytesText, secondsText } from "./units.ts";
import { type GroupPlace, groupPlaces } from "./views/places.ts";

interface Level {
  /** As below the mount point: `/tiffin/3f2a…`, `/` for the top. */
  readonly group: string;
  read(file: string): string | undefined;
}

/** From the group itself up to the top of the hierarchy as it is mounted here. */
function levelsOf({ path, directory }: GroupPlace): Level[] {
  if (directory === undefined) return [];
  const base = path === "/" ? directory : directory.slice(0, directory.length - path.length);
  const levels: Level[] = [];
  const words = path.split("/").filter((word) => word !== "");
  for (let depth = words.length; depth >= 0; depth -= 1) {
    const group = `/${words.slice(0, depth).join("/")}`;
    const place = directory.endsWith(path) ? `${base}${group}` : directory;
    levels.push({ group, read: (file) => readTextIfPossible(`${place}/${file}`)?.trim() });
    if (!directory.endsWith(path)) break;
  }
  return levels;
}

const wholeId = /[0-9a-f]{64}/g;
const shortIdLength = 12;

function groupCell({ group }: Level): Cell {
  return { value: group, shown: group.replace(wholeId, (id) => `${id.slice(0, shortIdLength)}…`) };
}

function bytesCell(text: string | undefined): Cell {
  const value = parseLimit(text);
  return value === null ? null : { value, shown: bytesText(value) };
}

function limitCell(text: string | undefined): Cell {
  if (text === undefined) return null;
  const value = parseLimit(text);
  return value === null ? "none" : { value, shown: bytesText(value) };
}

const memoryColumns = {
  group: "GROUP",
  used: "USED",
  peak: "MOST SO FAR",
  limit: "LIMIT",
  reservation: "KEPT (reservation)",
  swapLimit: "SWAP LIMIT",
  oomKills: "KILLED (OOM)",
};

function memoryTable(places: readonly GroupPlace[], unified: GroupPlace | undefined): Section {
  const v1 = places.find(({ hierarchy }) => hierarchy.split(",").includes("memory"));
  const rows =
    v1 !== undefined
      ? levelsOf(v1).map((level): Cell[] => [
          groupCell(level),
          bytesCell(level.read("memory.usage_in_bytes")),
          bytesCell(level.read("memory.max_usage_in_bytes")),
          limitCell(level.read("memory.limit_in_bytes")),
          limitCell(level.read("memory.soft_limit_in_bytes")),
          limitCell(level.read("memory.memsw.limit_in_bytes")),
          parseFlatKeyed(level.read("memory.oom_control") ?? "")["oom_kill"] ?? null,
        ])
      : levelsWith(unified, "memory.current").map((level): Cell[] => [
          groupCell(level),
          bytesCell(level.read("memory.current")),
          bytesCell(level.read("memory.peak")),
          limitCell(level.read("memory.max")),
          bytesCell(level.read("memory.low")),
          limitCell(level.read("memory.swap.max")),
          parseFlatKeyed(level.read("memory.events") ?? "")["oom_kill"] ?? null,
        ]);
  return table("Memory", memoryColumns, rows, "memory");
}

/** The levels of v2 that have `file`; the top has none of most. */
function levelsWith(unified: GroupPlace | undefined, file: string): Level[] {
  return unified === undefined ? [] : levelsOf(unified).filter((level) => level.read(file) !== undefined);
}

const nanoseconds = 1e9;
const microseconds = 1e6;

function timeCell(value: number | undefined, unit: number): Cell {
  if (value === undefined) return null;
  const seconds = value / unit;
  return { value: seconds, shown: secondsText(seconds) };
}

/** Of `quota` microseconds in each `period`. */
function coresCell(quota: number | null, period: number | null): Cell {
  if (quota === null || period === null || period === 0) return "none";
  const cores = Number((quota / period).toFixed(3));
  return { value: cores, shown: `${cores} CPU` };
}

const cpuColumns = {
  group: "GROUP",
  time: "TIME",
  limit: "LIMIT",
  weight: "WEIGHT",
  throttledPeriods: "THROTTLED",
  throttledTime: "THROTTLED FOR",
  processors: "PROCESSORS",
};

function cpuTable(places: readonly GroupPlace[], unified: GroupPlace | undefined): Section {
  const byController = (name: string): GroupPlace | undefined =>
    places.find(({ hierarchy }) => hierarchy.split(",").includes(name));
  const v1 = byController("cpu");
  if (v1 === undefined) {
    const rows = levelsWith(unified, "cpu.stat").map((level): Cell[] => {
      const stat = parseFlatKeyed(level.read("cpu.stat") ?? "");
      const [quota, period] = (level.read("cpu.max") ?? "").split(" ");
      return [
        groupCell(level),
        timeCell(stat["usage_usec"], microseconds),
        coresCell(parseLimit(quota), parseLimit(period)),
        parseLimit(level.read("cpu.weight")),
        throttled(stat["nr_throttled"], stat["nr_periods"]),
        timeCell(stat["throttled_usec"], microseconds),
        level.read("cpuset.cpus.effective") ?? null,
      ];
    });
    return table("Processor", cpuColumns, rows, "cpu");
  }
  const times = new Map(levels(byController("cpuacct")).map((level) => [level.group, level]));
  const sets = new Map(levels(byController("cpuset")).map((level) => [level.group, level]));
  const rows = levelsOf(v1).map((level): Cell[] => {
    const stat = parseFlatKeyed(level.read("cpu.stat") ?? "");
    const used = times.get(level.group)?.read("cpuacct.usage");
    return [
      groupCell(level),
      timeCell(used === undefined ? undefined : Number(used), nanoseconds),
      coresCell(parseLimit(level.read("cpu.cfs_quota_us")), parseLimit(level.read("cpu.cfs_period_us"))),
      parseLimit(level.read("cpu.shares")),
      throttled(stat["nr_throttled"], stat["nr_periods"]),
      timeCell(stat["throttled_time"], nanoseconds),
      sets.get(level.group)?.read("cpuset.effective_cpus") ?? null,
    ];
  });
  return table("Processor", cpuColumns, rows, "cpu");
}

function levels(place: GroupPlace | undefined): Level[] {
  return place === undefined ? [] : levelsOf(place);
}

function throttled(times: number | undefined, periods: number | undefined): Cell {
  if (times === undefined || periods === undefined) return null;
  return { value: times, shown: `${times} of ${periods} periods` };
}

function processesTable(places: readonly GroupPlace[], unified: GroupPlace | undefined): Section {
  const v1 = places.find(({ hierarchy }) => hierarchy === "pids");
  const all = v1 === undefined ? levelsWith(unified, "pids.current") : levelsOf(v1);
  const rows = all
    .filter((level) => level.read("pids.current") !== undefined)
    .map((level): Cell[] => [
      groupCell(level),
      parseLimit(level.read("pids.current")),
      parseLimit(level.read("pids.max")) ?? "none",
      parseFlatKeyed(level.read("pids.events") ?? "")["max"] ?? null,
    ]);
  const columns = { group: "GROUP", current: "PROCESSES AND THREADS", limit: "LIMIT", refused: "REFUSED" };
  return table("Processes", columns, rows, "pids");
}

const pressureColumns = {
  group: "GROUP",
  cpu: "CPU",
  memory: "MEMORY",
  memoryFull: "MEMORY, ALL",
  io: "DISK",
  ioFull: "DISK, ALL",
};

function percent(value: number | undefined): Cell {
  return value === undefined ? null : { value, shown: `${value} %` };
}

/** Shares of the last ten seconds in which some, or all, waited. */
function pressureTable(unified: GroupPlace | undefined): Section {
  const rows = levels(unified).flatMap((level): Cell[][] => {
    const of = (kind: string): Pressure | undefined => {
      const text =
        level.read(`${kind}.pressure`) ??
        (level.group === "/" ? readTextIfPossible(`/proc/pressure/${kind}`) : undefined);
      return text === undefined ? undefined : parsePressure(text);
    };
    const [cpu, memory, io] = [of("cpu"), of("memory"), of("io")];
    if (cpu === undefined && memory === undefined && io === undefined) return [];
    return [
      [
        groupCell(level),
        percent(cpu?.some?.avg10),
        percent(memory?.some?.avg10),
        percent(memory?.full?.avg10),
        percent(io?.some?.avg10),
        percent(io?.full?.avg10),
      ],
    ];
  });
  return table("Waiting, of the last 10 s (pressure)", pressureColumns, rows, "pressure");
}

export function groupPathReport(target: Target): Report {
  using process = openTarget(target);
  const places = groupPlaces(process);
  const unified = places.find(({ hierarchy }) => hierarchy === "unified");
  const outside = places.filter(({ directory }) => directory === undefined).map(({ hierarchy }) => hierarchy);
  return {
    sections: [
      memoryTable(places, unified),
      cpuTable(places, unified),
      processesTable(places, unified),
      pressureTable(unified),
    ],
    notes: [
      `Of process ${process.pid}, from its group up to the root; a limit above counts for all below it.`,
      ...(outside.length === 0
        ? []
        : [`Not mounted here, or the group lies outside of what is mounted: ${outside.join("; ")}.`]),
    ],
  };
}
