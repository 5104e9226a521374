/** Times and sizes for people, in Docker's steps and words. Pure. */

const minute = 60;
const hour = 3600;

/** `About an hour`, `3 weeks`. */
export function humanDuration(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 1) return "Less than a second";
  if (whole === 1) return "1 second";
  if (whole < minute) return `${whole} seconds`;
  const minutes = Math.floor(seconds / minute);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(seconds / hour + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}

/** `digits` significant digits without trailing zeros, as C's %g prints numbers of this size. */
function significant(value: number, digits: number): string {
  return String(Number(value.toPrecision(digits)));
}

function scaled(bytes: number, base: number, units: readonly string[], digits: number): string {
  let value = bytes;
  let step = 0;
  while (value >= base && step < units.length - 1) {
    value /= base;
    step += 1;
  }
  return `${significant(value, digits)}${units[step] ?? ""}`;
}

/** Decimal multiples: `1.98MB`. */
export function humanSize(bytes: number, digits = 3): string {
  return scaled(bytes, 1000, ["B", "kB", "MB", "GB", "TB", "PB"], digits);
}

/** Binary multiples: `23.54GiB`. */
export function binarySize(bytes: number): string {
  return scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"], 4);
}

/** `2026-11-23 14:46:43 +0000 UTC`, as Go prints a time. */
export function goTime(unixSeconds: number): string {
  const text = new Date(unixSeconds * 1000).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)} +0000 UTC`;
}

/** At most `width` characters, the last one being an ellipsis when something was cut. */
export function ellipsis(text: string, width: number): string {
  // Never more characters than code units.
  if (text.length <= width) return text;
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join("")}…`;
}

/** `2024-01-02T03:04:05.000000006+01:00` in the zone of this machine, `Z` where that is UTC. */
export function localNanoTime(unixNs: bigint): string {
  const date = new Date(Number(unixNs / 1_000_000n));
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const fraction = String(unixNs % 1_000_000_000n).padStart(9, "0");
  const two = (value: number): string => String(value).padStart(2, "0");
  const ahead = Math.abs(offset);
  const zone =
    offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${two(Math.floor(ahead / 60))}:${two(ahead % 60)}`;
  return `${local}.${fraction}${zone}`;
}
