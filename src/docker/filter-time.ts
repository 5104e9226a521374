/** The moment that the filter `until` means: Unix seconds, a date, or a duration back from now. Pure. */
import { own } from "../lib/own.ts";

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1e3,
  m: 60e3,
  h: 3600e3,
};

function durationMs(text: string): number | undefined {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text);
  if (match === null) return undefined;
  let total = 0;
  for (const [, number = "", unit = ""] of (match[2] ?? "").matchAll(
    /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g,
  )) {
    total += Number(number) * (own(unitMs, unit) ?? 0);
  }
  return match[1] === "-" ? -total : total;
}

/** Milliseconds since 1970; undefined for what is none of the three. */
export function filterTimeMs(text: string, nowMs: number): number | undefined {
  const span = durationMs(text);
  if (span !== undefined) return nowMs - span;
  if (/^-?\d{1,15}(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  const date = /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d{1,9})?))?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(
    text,
  );
  if (date === null) return undefined;
  const [, day = "", hours = "00", minutes = "00", seconds = "00", zone = ""] = date;
  const found = Date.parse(`${day}T${hours}:${minutes}:${seconds}${zone}`);
  return Number.isNaN(found) ? undefined : found;
}
