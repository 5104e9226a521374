/** Parsers of what the `events` command tells beyond the usual statistics. */

/** A limit or counter as the kernel writes it; text, because limits reach beyond exact numbers. */
export type CounterText = string;

/** One of v1's counters of memory: memory.*, memory.memsw.*, memory.kmem.*, memory.kmem.tcp.*, or hugetlb.SIZE.*. */
export interface MemoryCounter {
  readonly limit: CounterText;
  readonly usage: CounterText;
  readonly max: CounterText;
  readonly failcnt: CounterText;
}

/** Pressure stall information: shares of time in percent, and the total in microseconds. */
export interface PressureLine {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly total: number;
}

export interface Pressure {
  readonly some?: PressureLine;
  readonly full?: PressureLine;
}

/** Lines `some avg10=0.00 avg60=0.00 avg300=0.00 total=0` of *.pressure; undefined when there is none. */
export function parsePressure(text: string): Pressure | undefined {
  const found: { some?: PressureLine; full?: PressureLine } = {};
  for (const line of text.split("\n")) {
    const [kind, ...words] = line.split(" ");
    if (kind !== "some" && kind !== "full") continue;
    const values = new Map(
      words.map((word) => [word.slice(0, word.indexOf("=")), Number(word.split("=")[1])]),
    );
    const value = (name: string): number => values.get(name) ?? 0;
    found[kind] = {
      avg10: value("avg10"),
      avg60: value("avg60"),
      avg300: value("avg300"),
      total: value("total"),
    };
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

/** `cpuacct.usage_all`: a head line, then `cpu user system` in nanoseconds for each processor. */
export function parseUsagePerCpu(text: string): { readonly user: number[]; readonly kernel: number[] } {
  const rows = text
    .split("\n")
    .map((line) => /^(\d+) (\d+) (\d+)$/.exec(line))
    .filter((match) => match !== null);
  return { user: rows.map((row) => Number(row[2])), kernel: rows.map((row) => Number(row[3])) };
}

/** The kernel's name of a huge page size in cgroup files: 2048 kB is `2MB`. */
export function hugePageName(sizeKb: number): string {
  const units = ["KB", "MB", "GB", "TB"];
  let [size, unit] = [sizeKb, 0];
  while (size >= 1024 && size % 1024 === 0 && unit < units.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${size}${units[unit]}`;
}
