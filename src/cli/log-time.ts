/** Points in time as `logs --since` takes them. Pure. */
import { parseGoDuration } from "../docker/go-duration.ts";

const nsPerSecond = 1_000_000_000n;

function fractionNs(digits: string): bigint {
  return BigInt(digits.padEnd(9, "0").slice(0, 9));
}

/**
 * Nanoseconds since 1970 of a unix time (`1700000000.5`), a date with or without time and zone (local when it has none), or a
 * duration back from `nowMs`. Throws `Error`.
 */
export function parseLogTime(text: string, nowMs: number, option: string): bigint {
  const unix = /^(\d{1,15})(?:\.(\d+))?$/.exec(text);
  if (unix?.[1] !== undefined) return BigInt(unix[1]) * nsPerSecond + fractionNs(unix[2] ?? "");
  const date =
    /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (date !== null) {
    const [, day = "", hours = "00", minutes = "00", seconds = "00", fraction = "", zone = ""] = date;
    const whole = new Date(`${day}T${hours}:${minutes}:${seconds}${zone}`).getTime();
    if (!Number.isNaN(whole)) return BigInt(whole) * 1_000_000n + fractionNs(fraction);
  }
  try {
    return BigInt(nowMs) * 1_000_000n - BigInt(parseGoDuration(text));
  } catch {
    throw new Error(`invalid value for "${option}": failed to parse value as time or duration: "${text}"`);
  }
}
