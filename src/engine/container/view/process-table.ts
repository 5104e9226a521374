/** Processes as `ps -ef` of the host shows them, from what /proc says of each. Pure. proc_pid_stat(5), ps(1) */
import type { ProcessStat } from "../../../linux/proc.ts";

export interface SeenProcess {
  readonly stat: ProcessStat;
  readonly user: string;
  /** The arguments; empty for a kernel thread or one that has ended. */
  readonly command: readonly string[];
}

export interface ProcessTable {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Of all Linux machines: what /proc counts times in. */
const ticksPerSecond = 100;
const msPerDay = 86_400_000;
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const two = (number: number): string => String(number).padStart(2, "0");

/** `pts/3`, `tty1`, `?`. The number has the minor's low byte at the end, as the kernel's new_encode_dev puts it. */
function terminalName(device: number): string {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
  return "?";
}

function startText(startedMs: number, nowMs: number): string {
  const start = new Date(startedMs);
  const now = new Date(nowMs);
  if (start.getFullYear() !== now.getFullYear()) return String(start.getFullYear());
  const isToday = start.getDate() === now.getDate() && nowMs - startedMs < msPerDay;
  if (isToday) return `${two(start.getHours())}:${two(start.getMinutes())}`;
  return `${months[start.getMonth()]}${two(start.getDate())}`;
}

function timeText(ticks: number): string {
  const seconds = Math.floor(ticks / ticksPerSecond);
  const days = Math.floor(seconds / 86_400);
  const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60]
    .map(two)
    .join(":");
  return days === 0 ? clock : `${days}-${clock}`;
}

export function processTable(processes: readonly SeenProcess[], bootMs: number, nowMs: number): ProcessTable {
  const rows = processes.map(({ stat, user, command }) => {
    const startedMs = bootMs + (Number(stat.startTicks) * 1000) / ticksPerSecond;
    const livedSeconds = Math.max(0, (nowMs - startedMs) / 1000);
    const busy = livedSeconds < 1 ? 0 : Math.floor(stat.cpuTicks / livedSeconds);
    return [
      user,
      String(stat.pid),
      String(stat.parentPid),
      String(Math.min(99, busy)),
      startText(startedMs, nowMs),
      terminalName(stat.terminal),
      timeText(stat.cpuTicks),
      command.length > 0 ? command.join(" ") : `[${stat.name}]${stat.state === "Z" ? " <defunct>" : ""}`,
    ];
  });
  return { titles: ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"], rows };
}

/**
 * The rows of `pids` out of what ps(1) has printed; a field more than there are titles belongs to the last one. Undefined when
 * no column says which process a line is about.
 */
export function rowsOfPs(output: string, pids: ReadonlySet<number>): ProcessTable | undefined {
  const [header = "", ...lines] = output.split("\n");
  const titles = header.trim().split(/\s+/);
  const column = titles.indexOf("PID");
  if (column < 0) return undefined;
  const rows = lines.flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    if (!pids.has(Number(fields[column]))) return [];
    const last = titles.length - 1;
    return [[...fields.slice(0, last), fields.slice(last).join(" ")]];
  });
  return { titles, rows };
}
