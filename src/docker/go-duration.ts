/** Durations as Go writes and reads them: `1h30m`, `1.5s`, `300ms`. */
import { own } from "../lib/own.ts";

const unitNs: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Nanoseconds. Throws `Error` with the wording that Docker's users know. */
export function parseGoDuration(text: string): number {
  const quoted = JSON.stringify(text);
  const sign = /^[+-]/.test(text) ? text[0] : "";
  const body = sign === "" ? text : text.slice(1);
  if (body === "0") return 0;
  if (body === "") throw new Error(`time: invalid duration ${quoted}`);
  let total = 0;
  const part = /(\d+\.?\d*|\.\d+)([^\d.]*)/y;
  for (let at = 0; at < body.length; at = part.lastIndex) {
    part.lastIndex = at;
    const match = part.exec(body);
    if (match === null) throw new Error(`time: invalid duration ${quoted}`);
    const unit = match[2] ?? "";
    if (unit === "") throw new Error(`time: missing unit in duration ${quoted}`);
    const scale = own(unitNs, unit);
    if (scale === undefined)
      throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
    total += Number(match[1]) * scale;
  }
  return Math.round(sign === "-" ? -total : total);
}

const subSeconds = [
  ["ns", 1],
  ["µs", 1e3],
  ["ms", 1e6],
] as const;

/** `1h0m1.5s`, `300ms`, as Go prints a duration. */
export function formatGoDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 0) return `-${formatGoDuration(-nanoseconds)}`;
  if (nanoseconds < 1e9) {
    const [unit, scale] = subSeconds.findLast(([, each]) => nanoseconds >= each) ?? subSeconds[0];
    return `${nanoseconds / scale}${unit}`;
  }
  const minutes = Math.floor(nanoseconds / 60e9);
  const seconds = `${(nanoseconds - minutes * 60e9) / 1e9}s`;
  if (minutes === 0) return seconds;
  return minutes < 60 ? `${minutes}m${seconds}` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}
