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
